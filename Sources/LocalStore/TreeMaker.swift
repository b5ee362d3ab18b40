import FileFormats
import Glibc
import StoreModel
import SystemPackage

/// Makes a tree on disk from the steps of an archive: modes 0444 and 0555, time 1, as store objects have them.
///
/// What the steps say is bounded by their reader (`NAR.Reader`); nothing is followed and nothing replaced. Blocking.
struct TreeMaker: ~Copyable {
    private struct Folder {
        var descriptor: Int32
        var path: FilePath
    }

    private var folders: [Folder]
    /// Of the next node, with the zero that ends it.
    private var name: [UInt8]
    private var file: Int32 = -1
    private var remaining = 0

    /// - Parameter root: what is made; its folder is there, and it is not.
    init(_ root: FilePath) throws(LocalStoreError) {
        let parent = root.removingLastComponent()
        let descriptor = open(parent.string, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try Files.check(descriptor, "cannot open", parent)
        folders = [Folder(descriptor: descriptor, path: parent)]
        name = root.lastComponent.map { Files.bytes(of: $0) + [0] } ?? [0]
    }

    deinit {
        if file >= 0 { close(file) }
        for folder in folders { close(folder.descriptor) }
    }

    mutating func write(_ event: NAR.Event) throws(LocalStoreError) {
        switch event {
        case .entry(let entry): name = entry + [0]
        case .regular(let isExecutable, let size): try begin(isExecutable: isExecutable, size: size)
        case .content(let bytes): try append(bytes)
        case .symlink(let target): try makeLink(target)
        case .beginDirectory: try makeFolder()
        case .endDirectory:
            let folder = folders.removeLast()
            defer { close(folder.descriptor) }
            try check(fchmod(folder.descriptor, 0o555), "cannot set the mode of", folder.path)
            try setTime(folder.descriptor, folder.path)
        }
    }

    private var folder: Int32 { folders[folders.count - 1].descriptor }

    private var path: FilePath {
        folders[folders.count - 1].path.appending(String(decoding: name.dropLast(), as: UTF8.self))
    }

    private mutating func begin(isExecutable: Bool, size: Int) throws(LocalStoreError) {
        file = called { openat(folder, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600) }
        try check(file, "cannot make", path)
        // Not by open(2), whose mode knows the umask.
        try check(fchmod(file, isExecutable ? 0o555 : 0o444), "cannot set the mode of", path)
        remaining = size
        if size == 0 { try endFile() }
    }

    private mutating func append(_ bytes: ArraySlice<UInt8>) throws(LocalStoreError) {
        let failure: Errno? = bytes.withUnsafeBytes { bytes in
            var rest = bytes
            while !rest.isEmpty {
                let count = Glibc.write(file, rest.baseAddress, rest.count)
                if count < 0 {
                    if errno == EINTR { continue }
                    return Errno(rawValue: errno)
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
            return nil
        }
        if let failure { throw LocalStoreError("cannot write to", path, failure) }
        remaining -= bytes.count
        if remaining == 0 { try endFile() }
    }

    private mutating func endFile() throws(LocalStoreError) {
        defer {
            close(file)
            file = -1
        }
        try setTime(file, path)
    }

    private func makeLink(_ target: [UInt8]) throws(LocalStoreError) {
        let text = target.map { CChar(bitPattern: $0) } + [0]
        let times = TreeMaker.times
        let result = called { name in
            symlinkat(text, folder, name) < 0 ? -1 : utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW)
        }
        try check(result, "cannot make the link", path)
    }

    private mutating func makeFolder() throws(LocalStoreError) {
        let descriptor = called { name in
            mkdirat(folder, name, 0o700) < 0
                ? -1 : openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        }
        try check(descriptor, "cannot make the directory", path)
        folders.append(Folder(descriptor: descriptor, path: path))
    }

    private static let times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]

    private func setTime(_ descriptor: Int32, _ path: @autoclosure () -> FilePath) throws(LocalStoreError) {
        try check(futimens(descriptor, TreeMaker.times), "cannot set the time of", path())
    }

    private func called(_ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
        name.withUnsafeBytes { bytes in
            bytes.baseAddress.map { body($0.assumingMemoryBound(to: CChar.self)) } ?? -1
        }
    }

    private func check(_ result: Int32, _ call: String, _ path: @autoclosure () -> FilePath) throws(LocalStoreError) {
        if result < 0 {
            let error = Errno(rawValue: errno)
            throw LocalStoreError(call, path(), error)
        }
    }
}
