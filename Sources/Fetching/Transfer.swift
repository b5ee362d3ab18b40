import CCurl
import SystemPackage

/// The fetching of one file through all its attempts: which mirror, from which byte, and what a failure means.
final class Transfer {
    /// What to do after an attempt.
    enum Verdict {
        case done
        /// Again, after a pause of this many steps of the back-off.
        case again(pause: Int)
        case failed(FetchError)
    }

    let item: FetchItem
    private let directory: FilePath
    private let handle: CurlHandle
    private let proxy: String?
    private let patience: FetchPatience
    private var partial: PartialFile?
    private var urls: [String]
    private var url = ""
    /// Attempts in a row that brought next to nothing.
    private var idleAttempts = 0
    private var startOffset = 0
    /// The most bytes there were: bytes that come a second time are no progress.
    private var furthest = 0
    /// How often bytes of more than one attempt were wrong together.
    private var wrongResumptions = 0
    private var sawResponse = false
    private var tooLong = false
    private var diskError: Errno?
    private var lastTrouble = ""
    private var sawWrongBytes = false
    private var wasRefused = false

    /// Bytes that count as progress: a server that sends a few and hangs up is not waited for without end.
    private static let progressBytes = 64 << 10

    init(_ item: FetchItem, directory: FilePath, handle: CurlHandle, proxy: String?, patience: FetchPatience) {
        self.item = item
        self.directory = directory
        self.handle = handle
        self.proxy = proxy
        self.patience = patience
        urls = item.urls
    }

    var pointer: UnsafeMutableRawPointer { handle.pointer }
    var finalPath: FilePath { directory.appending(item.sha256) }
    var count: Int { partial?.count ?? 0 }

    /// Begins an attempt.
    ///
    /// - Returns: false when there is nothing to transfer: see `finish`; nil while another process fetches this file.
    func start() throws(FetchError) -> Bool? {
        if partial == nil {
            partial = try PartialFile(directory.appending("\(item.sha256).partial"), limit: item.size)
            furthest = partial?.count ?? 0
        }
        guard let partial else { return nil }
        guard let url = urls.first else {
            throw FetchError(.failed, item.name, "no address to fetch it from", remedy: "name a mirror: --mirror URL")
        }
        self.url = url
        (sawResponse, tooLong, diskError) = (false, false, nil)
        startOffset = partial.count
        if partial.count == item.size { return false }
        try handle.prepare(
            url: url, offset: startOffset, proxy: proxy, credential: item.credentials[url], patience: patience,
            receiver: Unmanaged.passUnretained(self).toOpaque()
        ) { bytes, size, count, receiver in
            guard let receiver, let bytes else { return 0 }
            let transfer = Unmanaged<Transfer>.fromOpaque(receiver).takeUnretainedValue()
            return transfer.receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
        }
        return true
    }

    /// Takes bytes; fewer than given stops the transfer.
    private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let partial else { return 0 }
        if !sawResponse {
            sawResponse = true
            // A server that ignores the range sends the whole file.
            if startOffset > 0, handle.status == 200 {
                startOffset = 0
                guard (try? partial.clear()) != nil else { return 0 }
            }
        }
        guard partial.count + bytes.count <= item.size else {
            tooLong = true
            return 0
        }
        diskError = partial.append(bytes)
        return diskError == nil ? bytes.count : 0
    }

    /// Judges an attempt that ended with `code`.
    func finish(_ code: CURLcode) throws(FetchError) -> Verdict {
        guard let partial else { return .again(pause: 0) }
        if let diskError {
            return .failed(
                FetchError(
                    .disk, "'\(directory)'", "cannot hold '\(item.name)'", cause: "\(diskError)",
                    remedy: "run 'bootferry gc', or choose a state directory on a larger disk with '--state-dir'"))
        }
        if tooLong { return try wrongBytes("has more than \(item.size) bytes", resumed: startOffset > 0) }
        guard code == CURLE_OK else { return try trouble(code, partial) }
        guard partial.count == item.size else {
            return try wrongBytes("has \(partial.count) bytes, expected \(item.size)", resumed: startOffset > 0)
        }
        let found = partial.finishDigest()
        guard found == item.sha256 else {
            return try wrongBytes("has SHA-256 \(found), expected \(item.sha256)", resumed: startOffset > 0)
        }
        try partial.publish(as: finalPath)
        return .done
    }

    /// Another process finished the file, or still holds it.
    func release() { partial = nil }

    private func wrongBytes(_ what: String, resumed: Bool) throws(FetchError) -> Verdict {
        try clear()
        // The earlier part may be another mirror's, or an older attempt's: once more from the first byte. From then on
        // all bytes are one mirror's, so a second time tells of that mirror.
        if resumed {
            wrongResumptions += 1
            if wrongResumptions == 1 { return .again(pause: 0) }
        }
        sawWrongBytes = true
        lastTrouble = "\(url) \(what)"
        return nextMirror(pause: 0)
    }

    private func clear() throws(FetchError) {
        try partial?.clear()
        furthest = 0
    }

    private func trouble(_ code: CURLcode, _ partial: PartialFile) throws(FetchError) -> Verdict {
        let status = handle.status
        lastTrouble = "\(url): \(handle.explanation(of: code))"
        if status == 416 {
            try partial.clear()
            idleAttempts += 1
            return idleAttempts < patience.attempts ? .again(pause: 0) : nextMirror(pause: 0)
        }
        if status == 401 || status == 403 { wasRefused = true }
        let isMissing = code == CURLE_FILE_COULDNT_READ_FILE || code == CURLE_REMOTE_FILE_NOT_FOUND
        if isMissing
            || (code == CURLE_HTTP_RETURNED_ERROR && (400..<500).contains(status) && ![408, 429].contains(status))
        {
            return nextMirror(pause: 0)
        }
        idleAttempts = partial.count - furthest >= Self.progressBytes ? 0 : idleAttempts + 1
        furthest = max(furthest, partial.count)
        guard idleAttempts < patience.attempts else {
            if wrongResumptions > 0, urls.count > 1 {
                try clear()
                idleAttempts = 0
                return nextMirror(pause: 0)
            }
            return .failed(
                FetchError(
                    .unreachable, item.name,
                    "could not be fetched; \(partial.count) of \(item.size) bytes are kept", cause: lastTrouble,
                    remedy: "run the command again when the network is back: it goes on from there"))
        }
        if wrongResumptions == 0 { urls.append(urls.removeFirst()) }
        return .again(pause: idleAttempts)
    }

    private func nextMirror(pause: Int) -> Verdict {
        if !urls.isEmpty { urls.removeFirst() }
        if !urls.isEmpty { return .again(pause: pause) }
        if sawWrongBytes {
            return .failed(
                FetchError(
                    .corrupt, item.name, "what came is not \(item.pledge): \(lastTrouble)",
                    remedy: "try another mirror: --mirror URL"))
        }
        if wasRefused {
            return .failed(
                FetchError(
                    .failed, item.name, "a mirror refuses it to who asks", cause: lastTrouble,
                    remedy: "give apt a login for that mirror in /etc/apt/auth.conf.d (apt_auth.conf(5))"))
        }
        return .failed(
            FetchError(
                .notFound, item.name, "no mirror has \(item.fileName.map { "`\($0)`" } ?? "it") any more",
                cause: lastTrouble, remedy: FetchError.newLock(for: [item.name])))
    }
}
