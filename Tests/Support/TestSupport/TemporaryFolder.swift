import Foundation
import Subprocess
import SystemPackage

/// A folder for one test, gone after it with whatever builds left in it.
public func withTemporaryFolder<Value>(_ body: (FilePath) async throws -> Value) async throws -> Value {
    let folder = FilePath(FileManager.default.temporaryDirectory.path)
        .appending("bootferry-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: false)
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(folder))
    } catch {
        result = .failure(error)
    }
    // The store's folders are read-only, and a killed build's sandbox may have left files of subordinate owners.
    let removal = """
        rm -rf "$0" 2>/dev/null || { chmod -R u+w "$0"; rm -rf "$0"; } 2>/dev/null ||
            unshare --map-auto --map-root-user rm -rf "$0"
        """
    _ = try await execute(["sh", "-c", removal, folder.string])
    return try result.get()
}

/// Runs a program of the host to its end.
@discardableResult
public func execute(
    _ command: [String], environment: [String: String] = [:], in directory: FilePath? = nil
) async throws -> BootferryProgram.Outcome {
    let variables = environment.map { (Environment.Key(stringLiteral: $0.key), Optional($0.value)) }
    let result = try await Subprocess.run(
        command[0].contains("/") ? .path(FilePath(command[0])) : .name(command[0]),
        arguments: Arguments(Array(command.dropFirst())),
        environment: .inherit.updating(Dictionary(uniqueKeysWithValues: variables)),
        workingDirectory: directory, output: .string(limit: 1 << 24), error: .string(limit: 1 << 24))
    return BootferryProgram.Outcome(
        status: result.terminationStatus, output: result.standardOutput, messages: result.standardError)
}
