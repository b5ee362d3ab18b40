import Subprocess
import SystemPackage

/// Runs a program of apt's and gathers what it says.
struct AptProgram: Sendable {
    struct Answer: Sendable {
        var succeeded: Bool
        var output: String
        var errors: String

        /// What apt said went wrong, without its warnings and prefixes; both streams, since it explains
        /// unmet dependencies on its standard output.
        var complaint: String {
            let errorLines = errors.split(separator: "\n").filter { !$0.hasPrefix("W:") && !$0.hasPrefix("N:") }
            let explanation = output.split(separator: "\n").drop { !$0.hasPrefix("The following packages have unmet") }
            let lines = (errorLines.map { $0.hasPrefix("E: ") ? $0.dropFirst(3) : $0 } + explanation).prefix(40)
            return lines.joined(separator: "\n    ")
        }
    }

    /// Bytes; the names of all packages of Debian are 1.5 MB.
    private static let outputLimit = 64 << 20

    /// - Parameter folder: where it is started; nil is where this process is.
    static func run(
        _ name: String, _ arguments: [String], in folder: FilePath? = nil
    ) async throws(LockingError) -> Answer {
        do {
            let result = try await Subprocess.run(
                .name(name), arguments: Arguments(arguments),
                // apt's words are shown to people and its answers parsed: both in its own language.
                environment: .inherit.updating(["LC_ALL": "C", "LANGUAGE": "C", "DEBIAN_FRONTEND": "noninteractive"]),
                workingDirectory: folder,
                output: .string(limit: outputLimit), error: .string(limit: 1 << 20))
            return Answer(
                succeeded: result.terminationStatus.isSuccess, output: result.standardOutput,
                errors: result.standardError)
        } catch {
            throw LockingError(
                .hostLacksTool, name, "cannot be run", cause: "\(error)",
                remedy: "install apt and debian-archive-keyring; `bootferry doctor` says how")
        }
    }
}
