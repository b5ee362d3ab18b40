import BootPolicy
import NIOCore
import Synchronization
import SystemPackage

/// Reads ranges of a boot file into memory, for TFTP; blocking, so used on a thread pool. The last object's file stays
/// open, since a transfer reads forward.
final class ExtentReader: Sendable {
    private struct OpenFile {
        var path: String
        var descriptor: SystemPackage.FileDescriptor
    }

    private let file: BootFile
    private let state: ServerState
    private let open = Mutex<OpenFile?>(nil)

    init(file: BootFile, state: ServerState) {
        self.file = file
        self.state = state
    }

    /// The bytes of a range, all of them.
    /// - Throws: `NetbootServerError` where the store's object is missing or shorter than it was.
    func read(_ range: Range<Int>) throws -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: range.count)
        for extent in file.extents(in: range) {
            switch extent {
            case .literal(let bytes): buffer.writeBytes(bytes)
            case .stored(let path, let offset, let length):
                try open.withLock { try read(path, offset, length, &$0, into: &buffer) }
            }
        }
        return buffer
    }

    private func read(
        _ path: String, _ offset: Int, _ length: Int, _ open: inout OpenFile?, into buffer: inout ByteBuffer
    ) throws {
        if open?.path != path {
            if let old = open { try? old.descriptor.close() }
            open = nil
            guard let physical = state.physicalPath(path) else {
                throw NetbootServerError(kind: .corrupt, subject: path, message: "not a path in the store")
            }
            open = OpenFile(
                path: path,
                descriptor: try SystemPackage.FileDescriptor.open(physical, .readOnly, options: .closeOnExec))
        }
        guard let descriptor = open?.descriptor else { return }
        var done = 0
        while done < length {
            let count = try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: length - done) { space in
                try descriptor.read(
                    fromAbsoluteOffset: Int64(offset + done),
                    into: UnsafeMutableRawBufferPointer(rebasing: space.prefix(length - done)))
            }
            guard count > 0 else {
                throw NetbootServerError(
                    kind: .corrupt, subject: path,
                    message: "ends at byte \(offset + done), expected \(offset + length)",
                    remedy: "bootferry verify")
            }
            done += count
        }
    }

    deinit { open.withLock { if let file = $0 { try? file.descriptor.close() } } }
}
