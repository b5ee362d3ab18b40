import Foundation
import SystemPackage

/// The real nix, with stores of a test's own.
public struct RealNix: Sendable {
    /// Which nix.
    public enum Release: String, Sendable, CaseIterable {
        /// The one that is installed.
        case host
        /// Debian 13's, wherever the tests run.
        case trixie
    }

    public let folder: FilePath
    /// What a script finds it by, and by what it is told of its home and what it may do.
    public private(set) var environment: [String: String]

    /// The one that is installed.
    public init(folder: FilePath) { self.init(folder: folder, programs: nil) }

    public init(_ release: Release, in folder: FilePath) async throws {
        switch release {
        case .host: self.init(folder: folder, programs: nil)
        case .trixie: self.init(folder: folder, programs: try await TrixieNix.shared.programs())
        }
    }

    private init(folder: FilePath, programs: FilePath?) {
        self.folder = folder
        let home = folder.appending("nix-home").string
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        environment = [
            "PATH": programs.map { "\($0):\(path)" } ?? path, "HOME": home, "XDG_CACHE_HOME": home,
            "NIX_CONFIG": Self.configuration,
        ]
    }

    private static let configuration = """
        experimental-features = nix-command ca-derivations
        build-users-group =
        substitute = false
        """

    public func store(_ name: String) -> String { "local?root=\(folder.appending(name))" }

    /// Whether it takes content-addressed objects that name themselves: from 2.17 to 2.34 it leaves the places of such names out of
    /// their digest, and refuses what has the right one (NixOS/nix issue 15837).
    public func takesSelfReferences() async throws -> Bool {
        let version = try await run("--version").output
        guard let match = version.firstMatch(of: /([0-9]+)\.([0-9]+)/), let minor = Int(match.2) else {
            throw UnexpectedOutcome(description: "nix --version: \(version)")
        }
        return match.1 != "2" || !(17...34).contains(minor)
    }

    public func run(_ arguments: String..., settings: String = "") async throws -> BootferryProgram.Outcome {
        try await execute(
            ["sh", "-c", "exec nix \"$@\"", "sh"] + arguments, environment: environment(adding: settings))
    }

    /// The environment with more of nix.conf.
    public func environment(adding settings: String) -> [String: String] {
        environment.merging(["NIX_CONFIG": "\(Self.configuration)\n\(settings)"]) { $1 }
    }
}

/// The nix of Debian 13: a system of Bootferry's own with the package `nix-bin`, of which program and libraries are unpacked.
///
/// The dynamic loader of that system starts it, so that it needs neither a root of its own nor a namespace.
private actor TrixieNix {
    static let shared = TrixieNix()

    private var unpacking: Task<FilePath, any Error>?

    /// A folder with `nix` and the other names that it goes by; made once, and kept beside the tests' state directory.
    func programs() async throws -> FilePath {
        let task = unpacking ?? Task { try await Self.unpack() }
        unpacking = task
        return try await task.value
    }

    private static func unpack() async throws -> FilePath {
        let home = FilePath(BootferryProgram.shared.stateDirectory.string + "-peers")
        // The lock that the test's system begins with.
        _ = try await BootferryProgram.shared.build()
        let system = try TestSystem(in: home, name: "nix-of-trixie", "packages: [nix-bin]")
        let report = try await BootferryProgram.shared.build(system.file)
        let root = home.appending(FilePath(report.image).lastComponent?.string ?? "root")
        let segments = report.segments.filter { $0.name.hasPrefix("lib") || ["nix-bin", "zlib1g"].contains($0.name) }
        let script = """
            root=$1; shift
            [ -e "$root/programs/nix" ] && exit
            parts=$(mktemp -d "$root.XXXXXX"); cd "$parts"
            for segment; do zstd -dcq "$segment" | cpio -id --quiet; done
            mkdir programs
            for name in nix nix-store nix-instantiate; do
                printf '#!/bin/sh\\nexec %s --argv0 %s --library-path %s %s "$@"\\n' \
                    "$root/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2" "$name" "$root/usr/lib/x86_64-linux-gnu" \
                    "$root/usr/bin/nix" >programs/$name
                chmod +x programs/$name
            done
            rm -rf "${root%/*}"/*-nix-of-trixie-image
            mv -T "$parts" "$root" || { rm -rf "$parts"; [ -e "$root/programs/nix" ]; }
            """
        let outcome = try await execute(["sh", "-ec", script, "sh", root.string] + segments.map(\.segment))
        guard outcome.succeeded else { throw UnexpectedOutcome(description: outcome.messages) }
        return root.appending("programs")
    }
}
