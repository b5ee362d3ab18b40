import LinuxCalls
import SystemPackage

/// Where an export in one pass goes.
public enum ExportOutput: Sendable {
    case file(FilePath)
    /// Closed by who opened it.
    case pipe(FileDescriptor)
}

/// Bytes on their way into a file or a pipe, from where it stands on.
struct OutgoingBytes {
    let output: FileDescriptor
    /// What messages call it.
    let name: String

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            _ = try output.writeAll(bytes)
        } catch Errno.brokenPipe {
            throw CarryingError("'\(name)'", "was closed by its reader before the export's end", kind: .host)
        } catch {
            throw CarryingError("cannot write to", FilePath(name), error)
        }
    }

    func write(_ bytes: [UInt8]) throws { try bytes.withUnsafeBytes { try write($0) } }
}
