import Glibc
import Subprocess
import SystemPackage

/// Programs of the host.
enum Executables {
    /// The first executable file of that name in `PATH`, or in the administrators' folders, which a user's
    /// `PATH` often lacks.
    static func find(_ name: String) -> FilePath? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin"]
        return folders.map { FilePath($0).appending(name) }.first { access($0.string, X_OK) == 0 }
    }

    static func succeeds(_ name: String, _ arguments: [String]) async -> Bool {
        guard let program = find(name) else { return false }
        let result = try? await run(.path(program), arguments: Arguments(arguments), output: .discarded)
        return result?.terminationStatus.isSuccess ?? false
    }

    /// Runs a program that must succeed; an error carries what it printed.
    static func require(_ name: String, _ arguments: [String]) async throws {
        guard let program = find(name) else {
            throw CommandError(
                kind: .host, subject: name, message: "is not installed", remedy: "bootferry doctor")
        }
        let result = try await run(
            .path(program), arguments: Arguments(arguments), output: .discarded, error: .string(limit: 4096))
        guard result.terminationStatus.isSuccess else {
            throw CommandError(
                subject: ([name] + arguments).joined(separator: " "),
                message: "failed: \(result.terminationStatus)", cause: result.standardError)
        }
    }

    /// Becomes that program; returns only by throwing.
    static func become(_ name: String, _ arguments: [String]) throws -> Never {
        guard let program = find(name) else {
            throw CommandError(kind: .host, subject: name, message: "is not installed", remedy: "bootferry doctor")
        }
        var vector: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) }
        vector.append(nil)
        execv(program.string, &vector)
        throw CommandError(subject: program.string, message: "cannot be run", cause: String(cString: strerror(errno)))
    }
}
