import Glibc
import Synchronization
import SystemPackage

/// A file of the store that is being served: open, and mapped so that the kernel sends from it without a copy of ours.
///
/// The mapping is only ever read by the kernel, in `sendmsg`: were the file cut short by pages, that is an error and no
/// signal. What is missing of its last page reads as zeros, which is why each transfer asks for the size first.
final class StoreFile: @unchecked Sendable {
    let descriptor: Int32
    let size: Int
    private let mapping: UnsafeMutableRawPointer?

    fileprivate init(_ physical: FilePath, named path: String) throws {
        let file = try FileDescriptor.open(physical, .readOnly, options: .closeOnExec)
        descriptor = file.rawValue
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            try? file.close()
            throw NetbootServerError(kind: .corrupt, subject: path, message: "is not a file")
        }
        size = Int(facts.st_size)
        let mapped = size == 0 ? nil : mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0)
        mapping = mapped == MAP_FAILED ? nil : mapped
    }

    /// Where a range of the file lies in memory; nil where the file has become too short for it.
    func pointer(to offset: Int) -> UnsafeRawPointer? { mapping.map { UnsafeRawPointer($0 + offset) } }

    /// The file has at least so many bytes now.
    func isWhole(_ end: Int) -> Bool {
        var facts = stat()
        return end <= size && fstat(descriptor, &facts) == 0 && Int(facts.st_size) >= end
    }

    /// It is still the file of this path, and not one that was mended or collected since.
    func isStill(_ path: FilePath) -> Bool {
        var (own, there) = (stat(), stat())
        return fstat(descriptor, &own) == 0 && stat(path.string, &there) == 0 && own.st_ino == there.st_ino
            && own.st_dev == there.st_dev
    }

    deinit {
        if let mapping { munmap(mapping, size) }
        Glibc.close(descriptor)
    }
}

/// The store's files that are being sent, each open once for all who want it, and the last used of the rest.
final class StoreFiles: Sendable {
    private struct Entry {
        var file: StoreFile
        var use: UInt64
        /// The second at which it was last found to be the file of its path.
        var checked: Int
    }

    private struct Cache {
        var entries: [String: Entry] = [:]
        var uses: UInt64 = 0
        var mark: UInt64 = 0
    }

    /// An image has some hundreds of segments; each file takes a descriptor.
    private static let most = 1024
    private let cache = Mutex(Cache())

    /// - Parameter physical: Where the logical path lies on this disk.
    /// - Throws: `NetbootServerError` or `Errno` where the file is missing, or shorter than `end`.
    func open(_ path: String, at physical: @autoclosure () -> FilePath?, end: Int) throws -> StoreFile {
        let now = Self.second()
        let known = cache.withLock { cache -> Entry? in
            cache.uses += 1
            cache.entries[path]?.use = cache.uses
            defer { cache.entries[path]?.checked = now }
            return cache.entries[path]
        }
        // Whether it is still that file costs as much as the rest: once a second is enough for what verify mends.
        if let known, known.checked == now, known.file.isWhole(end) { return known.file }
        guard let physical = physical() else {
            throw NetbootServerError(kind: .corrupt, subject: path, message: "not a path in the store")
        }
        if let known, known.file.isWhole(end), known.file.isStill(physical) { return known.file }
        let file = try StoreFile(physical, named: path)
        guard file.isWhole(end) else {
            throw NetbootServerError(
                kind: .corrupt, subject: path, message: "ends at byte \(file.size), expected \(end)",
                remedy: "bootferry verify")
        }
        cache.withLock { cache in
            if cache.entries.count >= Self.most {
                // Half at once, since each search reads all. Whoever sends from a forgotten file still holds it.
                let order = cache.entries.sorted { $0.value.use < $1.value.use }
                for (path, _) in order.prefix(Self.most / 2) { cache.entries[path] = nil }
            }
            cache.entries[path] = Entry(file: file, use: cache.uses, checked: now)
        }
        return file
    }

    private static func second() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return time.tv_sec
    }

    /// Forgets what no one has asked for since the last call, so that collected objects give their space back.
    func forgetUnused() {
        cache.withLock { cache in
            let mark = cache.mark
            cache.entries = cache.entries.filter { $0.value.use > mark }
            cache.mark = cache.uses
        }
    }
}
