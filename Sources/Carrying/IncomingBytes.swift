import StoreModel
import SystemPackage

/// What comes in one pass, from a file or through a pipe, and whose first bytes may be looked at. Used by one thread at a time.
public final class IncomingBytes: @unchecked Sendable {
    /// What messages call it.
    public let name: String
    /// Bytes in all; nil for a pipe.
    public let size: Int?
    private let input: FileDescriptor
    private let ownsInput: Bool
    private var ahead: [UInt8] = []

    /// A pipe that the caller closes.
    public init(pipe: FileDescriptor) {
        name = "the pipe"
        size = nil
        input = pipe
        ownsInput = false
    }

    /// A regular file, which must be one.
    public init(_ file: FilePath) throws {
        let (input, size) = try MediumFiles.open(file)
        name = file.string
        self.size = size
        self.input = input
        ownsInput = true
    }

    deinit { if ownsInput { try? input.close() } }

    /// Whether it is what `nix-store --export` writes; waits for the first bytes.
    public func isNixExport() throws -> Bool {
        while ahead.count < NixExport.beginningCount {
            let bytes = try read(upTo: NixExport.beginningCount - ahead.count)
            if bytes.isEmpty { break }
            ahead += bytes
        }
        return NixExport.isBegun(by: ahead)
    }

    /// Between 1 and `limit` further bytes; none at the end.
    func take(upTo limit: Int) throws -> [UInt8] {
        guard !ahead.isEmpty else { return try read(upTo: limit) }
        defer { ahead.removeFirst(min(limit, ahead.count)) }
        return Array(ahead.prefix(limit))
    }

    private func read(upTo limit: Int) throws -> [UInt8] {
        do {
            return try [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
                count = try input.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        } catch {
            throw CarryingError(name, "cannot be read", cause: "\(error)")
        }
    }
}
