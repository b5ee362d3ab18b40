import Foundation
import LocalStore
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// `nix-store --export` and `--import` of the real nix, both ways.
@Suite(.serialized) struct NixExportCrossCheckTests {
    /// `nix-store` on a store of its own; `script` has its files as $1 and on.
    private func nixStore(_ nix: RealNix, _ store: String, _ script: String, _ files: String...) async throws
        -> BootferryProgram.Outcome
    {
        try await execute(
            ["sh", "-ec", script, "sh"] + files,
            environment: nix.environment.merging(["NIX_REMOTE": nix.store(store)]) { $1 })
    }

    @Test(arguments: RealNix.Release.allCases)
    func `nix imports what is exported, from a file and from a pipe, and gives it back byte for byte`(
        release: RealNix.Release
    )
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let image = try home.publish("lab-node", objects: 4, bytes: 150_000).image
            let nix = try await RealNix(release, in: folder)
            let file = folder.appending("lab.nix-export").string
            try await home.run("export", "lab-node", "--to", file)
            let imported = try await nixStore(nix, "one", #"nix-store --import <"$1""#, file)
            #expect(imported.succeeded, "\(imported.messages)")
            #expect(imported.output.split(separator: "\n").count == 5)
            #expect(imported.output.contains(image))
            let piped = try await nixStore(
                nix, "two", #""$1" export lab-node --to - --format nix-export --state-dir "$2" | nix-store --import"#,
                BootferryProgram.path.string, home.program.stateDirectory.string)
            #expect(piped.succeeded, "\(piped.messages)")
            for store in ["one", "two"] {
                let verified = try await nix.run("store", "verify", "--store", nix.store(store), "--all", "--no-trust")
                #expect(verified.succeeded, "\(verified.messages)")
                let again = try await nixStore(
                    nix, store, #"nix-store --export $(nix-store -qR "$1") | cmp - "$2""#, image, file)
                #expect(again.succeeded, "\(again.output)\(again.messages)")
            }
            // And home again.
            let site = try CarriedStore(in: folder, "site")
            try await site.run("import", file)
            #expect(try await site.program.faults() == [])
            #expect(try site.store.isValid(StorePath(parsing: image)))
        }
    }

    @Test(arguments: RealNix.Release.allCases)
    func `what nix exports is taken where it proves itself, and a flipped byte, which nix takes, is refused`(
        release: RealNix.Release
    )
        async throws
    {
        try await withTemporaryFolder { folder in
            let site = try CarriedStore(in: folder, "site")
            let nix = try await RealNix(release, in: folder)
            let made = try await nixStore(
                nix, "nix",
                #"""
                mkdir "$1/tree"; printf 'one' >"$1/tree/a"; printf '#!/bin/sh\n' >"$1/tree/b"; chmod 755 "$1/tree/b"
                ln -s b "$1/tree/c"; head -c 50000 /dev/urandom >"$1/file"
                nix-store --add "$1/tree"
                nix-store --add-fixed sha256 "$1/file"
                cat >"$1/x.nix" <<'END'
                let note = builtins.toFile "note" "hello\n"; in
                derivation { name = "x"; system = "none"; builder = "/bin/sh"; args = [ note ./tree ]; }
                END
                nix-instantiate "$1/x.nix" 2>/dev/null
                """#, folder.string)
            #expect(made.succeeded, "\(made.messages)")
            let paths = made.output.split(separator: "\n").map(String.init)
            #expect(paths.count == 3)
            let file = folder.appending("nix.export").string
            let exported = try await nixStore(
                nix, "nix", #"f=$1; shift; nix-store --export $(nix-store -qR "$@") >"$f""#, file, paths[0], paths[1],
                paths[2])
            #expect(exported.succeeded, "\(exported.messages)")
            let piped = try await execute([
                "sh", "-c", #""$1" import - --state-dir "$2" <"$3""#, "sh", BootferryProgram.path.string,
                site.program.stateDirectory.string, file,
            ])
            #expect(piped.succeeded, "\(piped.output)\(piped.messages)")
            for path in paths { #expect(try site.store.isValid(StorePath(parsing: path)), "\(path)") }
            #expect(try await site.program.faults() == [])

            // One byte of the random file, of which there is most.
            var bytes = try Data(contentsOf: URL(filePath: file))
            let name = try #require(bytes.range(of: Data(paths[1].utf8)))
            bytes[name.lowerBound - 10_000] ^= 1
            try bytes.write(to: URL(filePath: file))
            let careless = try await nixStore(nix, "other", #"nix-store --import <"$1""#, file)
            #expect(careless.succeeded, "\(careless.messages)")
            let strict = try await CarriedStore(in: folder, "strict").program.run("import", file)
            #expect(strict.status == .exited(3))
            #expect(strict.output.contains("'\(paths[1])': is not proved"), "\(strict.output)")
        }
    }

    @Test(arguments: RealNix.Release.allCases)
    func `an object whose path says nothing of its content is refused by name, with what to do`(
        release: RealNix.Release
    ) async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let plain = try home.addInputAddressed("plain-1.0", like: home.add("x", bytes: 1000))
            let nix = try await RealNix(release, in: folder)
            let passed = try await nixStore(
                nix, "nix",
                #""$1" export --path "$3" --to - --format nix-export --state-dir "$2" | nix-store --import && nix-store --export $(nix-store -qR "$3") >"$4""#,
                BootferryProgram.path.string, home.program.stateDirectory.string, "\(plain)",
                folder.appending("plain").string)
            #expect(passed.succeeded, "\(passed.messages)")
            let site = try CarriedStore(in: folder, "site")
            let refused = try await site.program.run("import", folder.appending("plain").string, "--path", "\(plain)")
            #expect(refused.status == .exited(3))
            #expect(refused.output.contains("'\(plain)': is not proved"), "\(refused.output)")
            #expect(refused.output.contains("secret-key="), "\(refused.output)")
            #expect(try !site.store.isValid(plain))
        }
    }

    @Test func `options that a stream has no use for are refused`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let outcome = try await home.program.run("export", "x", "--to", "x.nix-export", "--key", "home-1")
            #expect(outcome.status == .exited(2))
            #expect(outcome.messages.contains("no signature"), "\(outcome.messages)")
        }
    }
}
