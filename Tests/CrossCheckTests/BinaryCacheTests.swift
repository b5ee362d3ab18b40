import Foundation
import LocalStore
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// The store served as a Nix binary cache: to the real nix, to curl, and to another store's build.
@Suite(.serialized, .timeLimit(.minutes(10))) struct BinaryCacheTests {
    /// Serves a store on the loopback, beside no system, while a script runs that finds the cache's address in $url.
    private func serving(
        _ program: BootferryProgram, in folder: FilePath, _ script: String, _ arguments: String...,
        environment: [String: String] = [:]
    ) async throws -> BootferryProgram.Outcome {
        let port = Int.random(in: 20_000..<60_000)
        let site = """
            version: 1
            networks: {lo: {address: 127.0.0.1, dhcp: off}}
            systems: {}
            http-port: \(port)
            tftp-port: \(port)
            """
        try site.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
        let around = #"""
            program=$1 state=$2 folder=$3 url=http://127.0.0.1:$4/binary-cache
            shift 4
            "$program" serve "$folder/site.yaml" --no-build --binary-cache --state-dir "$state" >"$folder/served" 2>&1 &
            pid=$!
            trap 'kill -INT $pid; wait $pid' EXIT
            until grep -q "^the store: $url, signed by home-1:" "$folder/served"; do
                kill -0 $pid || { cat "$folder/served"; exit 1; }
                sleep 0.05
            done
            """#
        return try await execute(
            [
                "bash", "-c", "\(around)\n\(script)", "serving", BootferryProgram.path.string,
                program.stateDirectory.string, folder.string, String(port),
            ] + arguments, environment: environment)
    }

    @Test(arguments: RealNix.Release.allCases)
    func `a real nix copies from the store as it is served, signatures wanted, and finds all sound`(
        release: RealNix.Release
    ) async throws {
        try await withTemporaryFolder { folder in
            let nix = try await RealNix(release, in: folder)
            let home = try await CarriedStore(in: folder, "home", for: nix)
            let image = try home.publish("lab-node", objects: 20, bytes: 50_000).image
            let plain = try home.addInputAddressed("plain-1.0", like: StorePath(parsing: image))
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            let outcome = try await serving(
                home.program, in: folder,
                #"""
                if nix copy --from "$url" --to "$1" "$2" 2>"$folder/refused"; then echo "taken without its key"; fi
                cat "$folder/refused" >&2
                export NIX_CONFIG="$NIX_CONFIG
                trusted-public-keys = $3"
                nix copy --from "$url" --to "$1" "$2" || exit 1
                nix store verify --store "$1" --all --sigs-needed 1 || exit 1
                nix path-info --store "$url" --recursive "$2"
                """#, nix.store("nix"), "\(plain)", key,
                environment: nix.environment)
            #expect(outcome.succeeded, "\(outcome.output)\(outcome.messages)")
            #expect(outcome.messages.contains("signature"), "\(outcome.messages)")
            #expect(
                Set(outcome.output.split(separator: "\n").map(String.init))
                    == Set(try home.store.closure(of: [plain]).order.map(\.description)), "\(outcome.output)")
        }
    }

    @Test
    func `an archive has its exact length, and any part of it; what is not there, or leads elsewhere, is not given`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let path = try home.add("object", bytes: 300_000)
            var archive: [UInt8] = []
            try home.store.writeArchive(of: path) { archive += $0 }
            try Data(archive).write(to: URL(filePath: folder.appending("archive").string))
            try await home.run("key", "generate", "home-1")
            let outcome = try await serving(
                home.program, in: folder,
                #"""
                archive=$url/nar/$1.nar
                curl -sfI "$archive" | tr -d '\r' | grep -i -e '^content-length' -e '^content-type'
                curl -sf "$archive" | cmp - "$folder/archive" || exit 1
                curl -sf -r 1000-290000 "$archive" | cmp - <(tail -c +1001 "$folder/archive" | head -c 289001) || exit 1
                head -c 100000 "$folder/archive" >"$folder/part"
                curl -sf -C - -o "$folder/part" "$archive"; cmp "$folder/part" "$folder/archive" || exit 1
                for name in "" x.narinfo nar/../nix-cache-info ../kernel %2e%2e/kernel nar/00000000000000000000000000000000.nar \
                    00000000000000000000000000000000.narinfo "nar/$1.nar/x" "build-trace-v2/$1-object/out.doi"; do
                    curl -s --path-as-is -o /dev/null -w '%{http_code} ' "$url/$name"
                done
                curl -s -o /dev/null -w '%{http_code}\n' -X PUT --data x "$url/nix-cache-info"
                """#, path.hashPart)
            #expect(outcome.succeeded, "\(outcome.output)\(outcome.messages)")
            #expect(
                Set(outcome.output.split(separator: "\n").map { $0.lowercased() }) == [
                    "content-type: application/x-nix-nar", "content-length: \(archive.count)",
                    "404 404 404 404 404 404 404 404 404 405",
                ], "\(outcome.output)")
        }
    }

    @Test func `a system that was built here is built nowhere else: another store takes it, and its settings change`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try await BootferryProgram.copyOfShared(in: folder)
            let report = try await home.build()
            let key = try await home.run("key", "generate", "home-1")
            let site = BootferryProgram(stateDirectory: folder.appending("site"))
            #expect(
                try await site.run("key", "trust", key.output.trimmingCharacters(in: .whitespacesAndNewlines)).succeeded
            )
            let system = try TestSystem(in: folder)
            let changed = try TestSystem(in: folder, name: "changed", "hostname: changed")
            let outcome = try await serving(
                home, in: folder,
                #"""
                for system in "$1" "$2"; do
                    "$program" build "$system" --state-dir "$3" --substituter "$url" --require-substituter \
                        --mirror http://127.0.0.1:9/debian/ --json || exit 1
                    ls "$3/log" | sed 's/^/built: /'
                done
                """#, system.file.string, changed.file.string, site.stateDirectory.string)
            #expect(outcome.succeeded, "\(outcome.output)\(outcome.messages)")
            #expect(outcome.output.contains(report.image), "\(outcome.output)\(outcome.messages)")
            #expect(outcome.messages.contains(" objects ("), "\(outcome.messages)")
            let built = outcome.output.split(separator: "\n").filter { $0.hasPrefix("built: ") }.map {
                $0.dropFirst(40)
            }
            #expect(built.sorted() == ["changed-image.drv.log", "settings.drv.log"])
            #expect(try await site.faults() == [])
        }
    }

    @Test func `without a key there is no cache, and an option that goes with another is refused alone`() async throws {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram(stateDirectory: folder.appending("state"))
            try
                "version: 1\nnetworks: {lo: {address: 127.0.0.1, dhcp: off}}\nsystems: {}\nhttp-port: 18099\ntftp-port: 18099\n"
                .write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
            let keyless = try await program.run(
                "serve", folder.appending("site.yaml").string, "--no-build", "--binary-cache")
            #expect(keyless.status == .exited(2))
            #expect(keyless.messages.contains("bootferry key generate"), "\(keyless.messages)")
            let alone = try await program.run("build", "minimal", "--require-substituter")
            #expect(alone.status == .exited(2) && alone.messages.contains("--substituter URL"), "\(alone.messages)")
            let strange = try await program.run("build", "minimal", "--substituter", "ftp://x/y")
            #expect(
                strange.status == .exited(2) && strange.messages.contains("is no address of a binary cache"),
                "\(strange.messages)")
        }
    }
}
