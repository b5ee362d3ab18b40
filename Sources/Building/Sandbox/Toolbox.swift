import Glibc
import Subprocess
import SystemPackage

/// The unpacked Debian packages that builds run: locked, from the store, so that no byte depends on the host's programs.
///
/// A program that needs only its libraries runs straight from here through the toolbox's own dynamic loader; what needs
/// a whole system around it runs in a `Sandbox`.
public struct Toolbox: Sendable {
    /// The physical directory of the store object.
    public let root: FilePath
    /// The loader that the toolbox's programs name, relative to `root`.
    static let loader = "usr/lib64/ld-linux-x86-64.so.2"
    static let libraries = "usr/lib/x86_64-linux-gnu"

    public init(root: FilePath) { self.root = root }

    /// Compresses what `produce` writes into `file` as exactly one zstd frame, and returns what `produce` returned.
    ///
    /// One thread: with more, zstd 1.5 cuts its blocks elsewhere. The checksum stays: the kernel verifies it.
    public func compress<Value: Sendable>(
        into file: FilePath, _ produce: @escaping @Sendable (PipeWriter) throws -> Value
    ) async throws -> Value {
        guard access(root.appending(Self.loader).string, X_OK) == 0 else {
            throw BuildError(subject: root.string, message: "is no toolbox: it has no '\(Self.loader)' from libc6")
        }
        let destination = try FileDescriptor.open(
            file, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
        let (writer, readEnd): (PipeWriter, FileDescriptor)
        do {
            (writer, readEnd) = try PipeWriter.pair()
        } catch {
            try? destination.close()
            throw error
        }
        async let produced = onBlockingThread {
            defer { writer.close() }
            let value = try produce(writer)
            try writer.flush()
            return value
        }
        let result = try await Subprocess.run(
            .path(root.appending(Self.loader)),
            arguments: Arguments(
                ["--library-path", root.appending(Self.libraries).string, root.appending("usr/bin/zstd").string]
                    + ["-3", "--single-thread", "--no-progress", "-q", "-c"]),
            environment: .custom(["PATH": "/usr/bin", "LC_ALL": "C"]),
            input: .fileDescriptor(readEnd, closeAfterSpawningProcess: true),
            output: .fileDescriptor(destination, closeAfterSpawningProcess: true),
            error: .string(limit: 65536))
        let failure = result.terminationStatus.isSuccess ? nil : result.standardError
        if let failure {
            // What the producer met (a broken pipe) only echoes this.
            _ = try? await produced
            throw BuildError(
                subject: file.lastComponent?.string ?? file.string,
                message: "could not be compressed by the toolbox's zstd",
                cause: failure.isEmpty ? "\(result.terminationStatus)" : failure)
        }
        return try await produced
    }
}

/// Takes bytes, in order.
public protocol ByteSink: AnyObject {
    func write(_ bytes: [UInt8]) throws
    func write(_ bytes: UnsafeRawBufferPointer) throws
}

/// The writing end of a pipe to a child process, with a buffer; for one thread at a time.
public final class PipeWriter: ByteSink, @unchecked Sendable {
    private let descriptor: FileDescriptor
    private var buffer: [UInt8] = []
    private static let capacity = 256 * 1024

    private init(descriptor: FileDescriptor) {
        self.descriptor = descriptor
        buffer.reserveCapacity(Self.capacity)
    }

    /// A writer and the descriptor that the child reads.
    ///
    /// Sockets instead of a pipe: a child that dies must not kill this process by SIGPIPE.
    static func pair() throws -> (PipeWriter, FileDescriptor) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw Errno(rawValue: errno)
        }
        return (PipeWriter(descriptor: FileDescriptor(rawValue: ends[0])), FileDescriptor(rawValue: ends[1]))
    }

    public func write(_ bytes: [UInt8]) throws {
        if buffer.count + bytes.count > Self.capacity { try flush() }
        buffer += bytes
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws {
        if bytes.count < 4096 {
            if buffer.count + bytes.count > Self.capacity { try flush() }
            buffer += bytes
        } else {
            try flush()
            try send(bytes)
        }
    }

    func flush() throws {
        try buffer.withUnsafeBytes { try send($0) }
        buffer.removeAll(keepingCapacity: true)
    }

    func close() { try? descriptor.close() }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest)
            let sent = Glibc.send(descriptor.rawValue, part.baseAddress, part.count, Int32(MSG_NOSIGNAL))
            if sent < 0 {
                if errno == EINTR { continue }
                throw Errno(rawValue: errno)
            }
            rest = rest.dropFirst(sent)
        }
    }
}
