import CCurl
import Dispatch

extension Fetcher {
    /// Gets small files of which no digest is known beforehand, into memory; several at a time, each tried once.
    ///
    /// - Parameter limit: bytes that none may exceed.
    /// - Returns: by address; what a server says it does not have (403, 404, 410, no such file) is absent.
    /// - Throws: `FetchError` for the first that failed otherwise, `CancellationError`.
    public func contents(of urls: [String], limit: Int) async throws -> [String: [UInt8]] {
        guard !urls.isEmpty else { return [:] }
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                DispatchQueue(label: "bootferry.fetching").async {
                    continuation.resume(
                        with: Result {
                            var session = try SmallFileSession(fetcher: self, limit: limit)
                            return try session.run(urls, flag)
                        })
                }
            }
        } onCancel: {
            flag.isSet.store(true, ordering: .relaxed)
        }
    }
}

/// The loop that gets some small files, on one thread, with the fetcher's connections.
private struct SmallFileSession: ~Copyable {
    private let fetcher: Fetcher
    private let limit: Int
    private let connections: MultiHandle
    private var idle: [SmallFile] = []
    private var running: [UnsafeMutableRawPointer: SmallFile] = [:]
    private var contents: [String: [UInt8]] = [:]

    init(fetcher: Fetcher, limit: Int) throws(FetchError) {
        self.fetcher = fetcher
        self.limit = limit
        connections = try fetcher.connections.take()
    }

    deinit {
        for pointer in running.keys { bf_curl_multi_remove_handle(connections.pointer, pointer) }
        fetcher.connections.giveBack(connections)
    }

    mutating func run(_ urls: [String], _ flag: CancellationFlag) throws -> [String: [UInt8]] {
        var waiting = Array(Set(urls).sorted().reversed())
        while !(waiting.isEmpty && running.isEmpty) {
            if flag.isSet.load(ordering: .relaxed) { throw CancellationError() }
            while running.count < fetcher.width, let url = waiting.popLast() {
                let file = try idle.popLast() ?? SmallFile(limit: limit)
                try file.begin(url, proxy: fetcher.proxy, patience: fetcher.patience)
                try check(bf_curl_multi_add_handle(connections.pointer, file.pointer))
                running[file.pointer] = file
            }
            var stillRunning: Int32 = 0
            try check(bf_curl_multi_perform(connections.pointer, &stillRunning))
            var left: Int32 = 0
            while let message = bf_curl_multi_info_read(connections.pointer, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let pointer = message.pointee.easy_handle,
                    let file = running.removeValue(forKey: pointer)
                else { continue }
                let code = message.pointee.data.result
                bf_curl_multi_remove_handle(connections.pointer, pointer)
                if let bytes = try file.finish(code) { contents[file.url] = bytes }
                idle.append(file)
            }
            if !running.isEmpty { try check(bf_curl_multi_poll(connections.pointer, 100)) }
        }
        return contents
    }

    private func check(_ code: CURLMcode) throws(FetchError) {
        guard code != CURLM_OK else { return }
        throw FetchError(
            .failed, "libcurl", "the transfers stopped", cause: String(cString: bf_curl_multi_strerror(code)))
    }
}

/// One small file on its way.
private final class SmallFile {
    private let handle: CurlHandle
    private let limit: Int
    private(set) var url = ""
    private var bytes: [UInt8] = []
    private var isTooLong = false

    init(limit: Int) throws(FetchError) {
        handle = try CurlHandle()
        self.limit = limit
    }

    var pointer: UnsafeMutableRawPointer { handle.pointer }

    func begin(_ url: String, proxy: String?, patience: FetchPatience) throws(FetchError) {
        self.url = url
        bytes = []
        isTooLong = false
        try handle.prepare(
            url: url, offset: 0, proxy: proxy, credential: nil, patience: patience,
            receiver: Unmanaged.passUnretained(self).toOpaque()
        ) { bytes, size, count, receiver in
            guard let receiver, let bytes else { return 0 }
            let file = Unmanaged<SmallFile>.fromOpaque(receiver).takeUnretainedValue()
            return file.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        try handle.limit(seconds: patience.smallFileSeconds, url)
    }

    /// Takes bytes; fewer than given stops the transfer.
    private func receive(_ more: UnsafeRawBufferPointer) -> Int {
        guard bytes.count + more.count <= limit else {
            isTooLong = true
            return 0
        }
        bytes += more
        return more.count
    }

    /// The content; nil where the server does not have the file.
    func finish(_ code: CURLcode) throws(FetchError) -> [UInt8]? {
        if isTooLong { throw FetchError(.corrupt, url, "has more than \(limit) bytes") }
        if code == CURLE_OK { return bytes }
        if [403, 404, 410].contains(handle.status) || code == CURLE_FILE_COULDNT_READ_FILE
            || code == CURLE_REMOTE_FILE_NOT_FOUND
        {
            return nil
        }
        throw FetchError(.unreachable, url, "could not be fetched", cause: handle.explanation(of: code))
    }
}
