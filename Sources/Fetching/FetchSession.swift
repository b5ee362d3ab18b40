import CCurl
import Glibc
import SystemPackage

/// The loop that runs the transfers of one fetch, on one thread, sharing connections.
struct FetchSession: ~Copyable {
    private let fetcher: Fetcher
    private let directory: FilePath
    private let progress: @Sendable (FetchProgress) -> Void
    private let completed: @Sendable (FetchItem, FilePath) -> Void
    private let clock = ContinuousClock()
    private let connections: MultiHandle
    private var multi: UnsafeMutableRawPointer { connections.pointer }

    private struct Waiting {
        var transfer: Transfer
        var since: ContinuousClock.Instant
    }

    private var fresh: [FetchItem] = []
    private var waiting: [Waiting] = []
    private var running: [UnsafeMutableRawPointer: Transfer] = [:]
    private var idleHandles: [CurlHandle] = []
    private var handles: [UnsafeMutableRawPointer: CurlHandle] = [:]
    private var failures: [FetchError] = []
    private var finishedBytes = 0
    private var finishedFiles = 0
    private var totalBytes = 0
    private var totalFiles = 0

    init(
        fetcher: Fetcher, directory: FilePath, progress: @escaping @Sendable (FetchProgress) -> Void,
        completed: @escaping @Sendable (FetchItem, FilePath) -> Void
    ) throws(FetchError) {
        self.fetcher = fetcher
        self.directory = directory
        self.progress = progress
        self.completed = completed
        connections = try fetcher.connections.take()
    }

    deinit {
        for pointer in running.keys { bf_curl_multi_remove_handle(connections.pointer, pointer) }
        fetcher.connections.giveBack(connections)
    }

    mutating func run(_ items: [FetchItem], flag: CancellationFlag) throws {
        var seen: Set<String> = []
        for item in items where seen.insert(item.sha256).inserted {
            guard item.sha256.utf8.count == 64, item.sha256.utf8.allSatisfy(isLowerHexadecimal), item.size > 0 else {
                throw FetchError(.failed, item.name, "expected a size and a SHA-256 digest, found `\(item.sha256)`")
            }
            fresh.append(item)
            totalBytes += item.size
        }
        totalFiles = fresh.count
        fresh.reverse()
        var lastReport = clock.now
        while !(fresh.isEmpty && waiting.isEmpty && running.isEmpty) {
            if flag.isSet.load(ordering: .relaxed) { throw CancellationError() }
            try startDue()
            var stillRunning: Int32 = 0
            try check(bf_curl_multi_perform(multi, &stillRunning))
            try judgeFinished()
            if clock.now - lastReport >= .milliseconds(100) {
                lastReport = clock.now
                report()
            }
            if !running.isEmpty || !waiting.isEmpty {
                try check(bf_curl_multi_poll(multi, running.isEmpty ? 20 : 100))
            }
        }
        if finishedFiles > 0 { try syncDirectory() }
        report()
        if !failures.isEmpty { throw FetchError(joining: failures.sorted { $0.subject < $1.subject }) }
    }

    private mutating func startDue() throws {
        let now = clock.now
        var index = 0
        while running.count < fetcher.width, index < waiting.count {
            guard waiting[index].since <= now else {
                index += 1
                continue
            }
            try begin(waiting.remove(at: index).transfer)
        }
        while running.count < fetcher.width, waiting.count < fetcher.width, let item = fresh.popLast() {
            try begin(
                Transfer(
                    item, directory: directory, handle: handle(), proxy: fetcher.proxy, patience: fetcher.patience))
        }
    }

    private mutating func begin(_ transfer: Transfer) throws {
        if isThere(transfer) { return complete(transfer) }
        do {
            switch try transfer.start() {
            case true?:
                try check(bf_curl_multi_add_handle(multi, transfer.pointer))
                running[transfer.pointer] = transfer
            case false?: try settle(transfer, CURLE_OK)
            case nil: waiting.append(Waiting(transfer: transfer, since: clock.now + .milliseconds(200)))
            }
        } catch let error as FetchError {
            try fail(transfer, error)
        }
    }

    private mutating func judgeFinished() throws {
        var left: Int32 = 0
        while let message = bf_curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let pointer = message.pointee.easy_handle,
                let transfer = running.removeValue(forKey: pointer)
            else { continue }
            let code = message.pointee.data.result
            bf_curl_multi_remove_handle(multi, pointer)
            try settle(transfer, code)
        }
    }

    private mutating func settle(_ transfer: Transfer, _ code: CURLcode) throws {
        do {
            switch try transfer.finish(code) {
            case .done: complete(transfer)
            case .again(let steps):
                let pause = steps == 0 ? .zero : fetcher.pause * (1 << min(steps - 1, 6))
                waiting.append(Waiting(transfer: transfer, since: clock.now + pause))
            case .failed(let error): try fail(transfer, error)
            }
        } catch let error as FetchError {
            try fail(transfer, error)
        }
    }

    private mutating func complete(_ transfer: Transfer) {
        retire(transfer)
        finishedBytes += transfer.item.size
        finishedFiles += 1
        completed(transfer.item, transfer.finalPath)
    }

    /// A file that is missing or wrong does not stop the others, so that all such are named at once; a network or
    /// a disk that fails would fail them all.
    private mutating func fail(_ transfer: Transfer, _ error: FetchError) throws {
        retire(transfer)
        guard error.code == .notFound || error.code == .corrupt else { throw error }
        failures.append(error)
    }

    private mutating func retire(_ transfer: Transfer) {
        transfer.release()
        if let handle = handles[transfer.pointer] { idleHandles.append(handle) }
    }

    private mutating func handle() throws -> CurlHandle {
        if let handle = idleHandles.popLast() { return handle }
        let handle = try CurlHandle()
        handles[handle.pointer] = handle
        return handle
    }

    private func isThere(_ transfer: Transfer) -> Bool {
        var status = stat()
        return stat(transfer.finalPath.string, &status) == 0 && status.st_size == transfer.item.size
    }

    private func report() {
        let unfinished = running.values.reduce(0) { $0 + $1.count } + waiting.reduce(0) { $0 + $1.transfer.count }
        progress(
            FetchProgress(
                bytes: finishedBytes + unfinished, totalBytes: totalBytes, files: finishedFiles, totalFiles: totalFiles)
        )
    }

    private func syncDirectory() throws {
        let folder = try FileDescriptor.open(directory, .readOnly, options: [.directory, .closeOnExec])
        defer { try? folder.close() }
        guard fsync(folder.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }

    private func check(_ code: CURLMcode) throws(FetchError) {
        guard code != CURLM_OK else { return }
        throw FetchError(
            .failed, "libcurl", "the transfers stopped", cause: String(cString: bf_curl_multi_strerror(code)))
    }
}

private func isLowerHexadecimal(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
}
