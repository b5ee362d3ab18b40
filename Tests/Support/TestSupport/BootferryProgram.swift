import Foundation
import Subprocess
import SystemPackage

/// The `bootferry` that this build made, run as a person would run it.
public struct BootferryProgram: Sendable {
    public struct Outcome: Sendable {
        public var status: TerminationStatus
        public var output: String
        public var messages: String

        public var succeeded: Bool { status.isSuccess }
    }

    /// Beside the test bundle, where SwiftPM puts every product of a build.
    public static let path = FilePath(CommandLine.arguments[0]).lexicallyNormalized().removingLastComponent()
        .appending("bootferry")

    /// The checkout that the tests were compiled from.
    public static let checkout = FilePath(#filePath).removingLastComponent().removingLastComponent()
        .removingLastComponent().removingLastComponent()

    public var stateDirectory: FilePath
    public var environment: [String: String]

    public init(stateDirectory: FilePath, environment: [String: String] = [:]) {
        self.stateDirectory = stateDirectory
        self.environment = environment
    }

    /// A state directory that outlives a test run, so that the next one fetches and builds only what changed.
    public static let shared = BootferryProgram(
        stateDirectory: FilePath(
            ProcessInfo.processInfo.environment["BOOTFERRY_TEST_STATE_DIR"]
                ?? NSHomeDirectory() + "/.cache/bootferry-tests"))

    /// Runs a verb to its end.
    public func run(
        _ arguments: String..., in directory: FilePath = checkout, prefix: [String] = [], withState: Bool = true
    ) async throws -> Outcome {
        try await run(arguments, in: directory, prefix: prefix, withState: withState)
    }

    /// Runs a verb to its end; `prefix` is a command that runs it, and without state it is given no `--state-dir`.
    public func run(
        _ arguments: [String], in directory: FilePath = checkout, prefix: [String] = [], withState: Bool = true
    ) async throws -> Outcome {
        try await execute(
            prefix + [Self.path.string] + arguments + (withState ? ["--state-dir", stateDirectory.string] : []),
            environment: environment, in: directory)
    }

    /// Starts a verb and kills it, as `kill -9` does, when `moment` returns.
    ///
    /// - Returns: how it ended: by itself, if it was quicker.
    public func runAndKill(
        _ arguments: String..., when moment: @escaping @Sendable () async throws -> Void
    ) async throws -> TerminationStatus {
        let result = try await Subprocess.run(
            .path(Self.path), arguments: Arguments(arguments + ["--state-dir", stateDirectory.string]),
            workingDirectory: Self.checkout, input: .none, output: .discarded, error: .discarded
        ) { execution in
            try await moment()
            try execution.send(signal: .kill)
        }
        return result.terminationStatus
    }
}
