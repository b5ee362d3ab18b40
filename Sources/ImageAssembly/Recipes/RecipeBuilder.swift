import Building
import Foundation
import StoreModel
import SystemModel
import SystemPackage

/// `builtin:recipe`: a source is unpacked and patched, and a script makes the output of it, in a sandbox that is the same on
/// every host.
///
/// Environment: `work` (a `RecipeWork` as JSON), `sources` (store paths separated by spaces) and `toolbox`. The sandbox has
/// no network, and of the store only what the recipe was given. Every ELF file of the output is held against the platform.
public struct RecipeBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let sandbox = try await RecipeSandbox(request)
        let succeeded = try await logged(request) { log in
            try await sandbox.sandbox.run(["sh", RecipeSandbox.entrance], log: log)
        }
        guard succeeded else {
            throw BuildError(subject: request.derivation.name, message: "its recipe's script failed")
        }
        guard Tree.exists(sandbox.made) else {
            throw BuildError(
                subject: request.derivation.name, message: "its recipe's script ended well, and made no '$out'",
                remedy: "let the script make the file or folder that the variable 'out' names")
        }
        let faults = try await onBlockingThread { [made = sandbox.made, work = sandbox.work] in
            try ABICheck(abi: work.abi, foreignFiles: work.foreignFiles).faults(in: made)
        }
        guard faults.isEmpty else {
            let more = faults.count > 20 ? "\n… and \(faults.count - 20) more" : ""
            throw BuildError(
                subject: request.derivation.name,
                message: "made what cannot run on '\(sandbox.work.variables["PLATFORM"] ?? "")': \(faults[0])",
                cause: faults.prefix(20).joined(separator: "\n") + more,
                remedy:
                    "give every call of the compiler $TARGET and $TARGET_CFLAGS, or name what is not for the platform in 'foreign-files'"
            )
        }
        guard rename(sandbox.made.string, request.output.string) == 0 else {
            throw Tree.failure(sandbox.made, "could not be moved to '\(request.output)'")
        }
    }

    /// Runs something whose output goes to the build's log line by line, as it comes.
    private func logged(
        _ request: BuildRequest, _ body: @escaping @Sendable (FileDescriptor) async throws -> Bool
    ) async throws -> Bool {
        let (readEnd, writeEnd) = try FileDescriptor.pipe()
        async let ran = {
            // Only the end of the last writer ends the log.
            defer { try? writeEnd.close() }
            return try await body(writeEnd)
        }()
        try await onBlockingThread {
            defer { try? readEnd.close() }
            var line: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 1 << 16)
            while case let count = try buffer.withUnsafeMutableBytes({ try readEnd.read(into: $0) }), count > 0 {
                for byte in buffer[..<count] {
                    if byte == 0x0A || line.count >= 4096 {
                        request.logger.info("\(String(decoding: line, as: UTF8.self))")
                        line.removeAll(keepingCapacity: true)
                    }
                    if byte != 0x0A { line.append(byte) }
                }
            }
            if !line.isEmpty { request.logger.info("\(String(decoding: line, as: UTF8.self))") }
        }
        return try await ran
    }
}
