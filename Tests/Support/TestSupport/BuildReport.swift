import Foundation
import SystemPackage

/// What `bootferry build --json` says.
public struct BuildReport: Decodable, Sendable {
    public struct Segment: Decodable, Sendable {
        public var name: String
        /// The physical file.
        public var segment: String
        public var compressedBytes: Int
    }

    public var generation: Int
    public var image: String
    /// The physical file.
    public var kernel: String
    public var initramfsBytes: Int
    public var segments: [Segment]

    /// What a file of the image holds, from the last segment that carries it; nil where none does.
    public func contents(of path: String) async throws -> String? {
        for segment in segments.reversed() {
            let command = "zstd -dcq \"$0\" | cpio -i --quiet --to-stdout \"$1\""
            let list = try await execute(["sh", "-c", "zstd -dcq \"$0\" | cpio -it --quiet", segment.segment])
            guard list.output.split(separator: "\n").contains(Substring(path)) else { continue }
            return try await execute(["sh", "-c", command, segment.segment, path]).output
        }
        return nil
    }
}

/// A verb that had to succeed and did not.
public struct UnexpectedOutcome: Error, CustomStringConvertible {
    public var description: String
}

extension BootferryProgram {
    /// The shipped system that these tests are about.
    public static let minimal = checkout.appending("targets/systems/minimal/system.yaml")

    /// Builds a system, which must succeed.
    public func build(_ system: FilePath = minimal, _ options: String...) async throws -> BuildReport {
        let outcome = try await run(["build", system.string, "--json"] + options)
        guard outcome.succeeded else {
            throw UnexpectedOutcome(description: "build \(system): \(outcome.status)\n\(outcome.messages)")
        }
        return try JSONDecoder().decode(BuildReport.self, from: Data(outcome.output.utf8))
    }

    /// What `verify` finds wrong.
    public func faults() async throws -> [String] {
        let outcome = try await run("verify", "--json")
        let faults = try JSONDecoder().decode([String].self, from: Data(outcome.output.utf8))
        guard outcome.status == .exited(faults.isEmpty ? 0 : 3) else {
            throw UnexpectedOutcome(description: "verify: \(outcome.status)\n\(outcome.messages)")
        }
        return faults
    }

    /// Gives `body` a state directory of its own in `folder` that begins as the shared one with `minimal` built.
    public static func copyOfShared(in folder: FilePath) async throws -> BootferryProgram {
        _ = try await shared.build()
        let state = folder.appending("state")
        // Others may be building there: first what names objects, then their database as one of its moments, then the objects, as
        // hard links where they can be, since nothing ever writes into one.
        let copy = """
            mkdir "$1" "$1/tmp" && cd "$0" && for name in *; do
                case $name in
                store | tmp) ;;
                apt) cp -a apt "$1/apt" 2>/dev/null ;;
                *) cp -a "$name" "$1/$name" || exit 1 ;;
                esac
            done
            for file in db/*.sqlite; do
                rm -f "$1/$file" "$1/$file"-*
                python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))' \
                    "$file" "$1/$file" || exit 1
            done
            cp -al store "$1/store" 2>/dev/null || { rm -rf "$1/store"; cp -a store "$1/store"; }
            """
        let outcome = try await execute(["sh", "-c", copy, shared.stateDirectory.string, state.string])
        guard outcome.succeeded else { throw UnexpectedOutcome(description: outcome.messages) }
        return BootferryProgram(stateDirectory: state)
    }
}

/// A system of a test's own that imports `minimal`, with its lock.
public struct TestSystem: Sendable {
    public let file: FilePath

    /// Writes `NAME/system.yaml` into `folder`; `text` is what it says besides its import.
    public init(in folder: FilePath, name: String = "minimal", _ text: String = "") throws {
        let home = folder.appending(name)
        try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
        file = home.appending("system.yaml")
        try write(text)
        let lock = BootferryProgram.minimal.removingLastComponent().appending("system.lock")
        let copy = home.appending("system.lock")
        if FileManager.default.fileExists(atPath: lock.string), !FileManager.default.fileExists(atPath: copy.string) {
            try FileManager.default.copyItem(atPath: lock.string, toPath: copy.string)
        }
    }

    public func write(_ text: String) throws {
        let whole = "version: 1\nimports: [\(BootferryProgram.minimal)]\n\(text)\n"
        try Data(whole.utf8).write(to: URL(filePath: file.string))
    }
}
