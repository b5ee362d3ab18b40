import DebianArchive
import Foundation
import SystemModel
import SystemPackage
import Testing

@testable import PackageLocking

/// The host's real apt, and a signed archive of two versions of one source.
struct MissingSourceTests {
    /// Makes it in the working directory, with a key of its own.
    private static let archive = """
        set -eu
        export GNUPGHOME=$PWD/gnupg; mkdir -m 700 gnupg
        gpg --batch -q --passphrase '' --quick-generate-key test@example.org ed25519 sign never
        gpg --batch -q --export > key.gpg
        pool=archive/pool/main/h/hello; mkdir -p $pool
        describe() {
            printf 'Package: hello\\nBinary: hello\\nVersion: %s\\nMaintainer: T <t@example.org>\\nArchitecture: any\\n' "$1"
            printf 'Format: 3.0 (native)\\nDirectory: pool/main/h/hello\\nFiles:\\n'
            for f in $2; do echo " $(md5sum < $pool/$f | cut -d' ' -f1) $(stat -c %s $pool/$f) $f"; done
            echo Checksums-Sha256:
            for f in $2; do echo " $(sha256sum < $pool/$f | cut -d' ' -f1) $(stat -c %s $pool/$f) $f"; done
            echo
        }
        for v in 1.9 1.10; do
            echo "the source of $v" > $pool/hello_$v.tar.xz
            echo "what describes $v" > $pool/hello_$v.dsc
            describe $v "hello_$v.dsc hello_$v.tar.xz"
        done > Sources
        for suite in test test-updates; do
            mkdir -p archive/dists/$suite/main/source archive/dists/$suite/main/binary-amd64
            : > archive/dists/$suite/main/binary-amd64/Packages
            : > archive/dists/$suite/main/source/Sources
            if [ $suite = test ]; then cp Sources archive/dists/$suite/main/source/; fi
            cd archive/dists/$suite
            { printf 'Suite: %s\\nCodename: %s\\nComponents: main\\nArchitectures: amd64\\n' $suite $suite
              echo "Date: $(date -Ru)"; echo SHA256:
              for f in main/source/Sources main/binary-amd64/Packages; do
                  echo " $(sha256sum < $f | cut -d' ' -f1) $(stat -c %s $f) $f"
              done; } > Release
            gpg --batch -q --clearsign -o InRelease Release
            cd - > /dev/null
        done
        chmod -R a+rX .
        """

    @Test func `of a source whose newest version is listed and gone, the one before is taken and that is told`()
        async throws
    {
        let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-source-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let made = try await AptProgram.run("bash", ["-c", Self.archive], in: folder)
        try #require(made.succeeded, "\(made.errors)")
        let apt = AptState(
            directory: folder.appending("apt"), suite: "test", components: ["main"], architecture: "amd64",
            mirrors: MirrorList(named: "file:\(folder)/archive"), keyring: folder.appending("key.gpg"),
            lists: .packagesAndSources
        )
        try await apt.refresh()

        var missing: [MissingSource] = []
        let newest = try await apt.source("hello") { missing.append($0) }
        #expect(missing.isEmpty)
        #expect(newest.map(\.version) == ["1.10", "1.10"])

        let pool = folder.appending("archive/pool/main/h/hello")
        try FileManager.default.removeItem(atPath: pool.appending("hello_1.10.dsc").string)
        let before = try await apt.source("hello") { missing.append($0) }
        #expect(missing == [.newest(name: "hello", listed: "1.10", locked: "1.9")])
        #expect(
            before.map(\.poolPath).sorted() == [
                "pool/main/h/hello/hello_1.9.dsc", "pool/main/h/hello/hello_1.9.tar.xz",
            ])
        #expect(before.allSatisfy { $0.version == "1.9" && $0.sha256.utf8.count == 64 })

        // What needs none of it can be locked all the same.
        missing = []
        try FileManager.default.removeItem(atPath: pool.string)
        #expect(try await apt.source("hello") { missing.append($0) }.map(\.version) == ["1.10", "1.10"])
        #expect(missing == [.all(name: "hello", listed: "1.10")])
        let unknown = await #expect(throws: LockingError.self) { try await apt.source("helo") { _ in } }
        #expect(unknown?.code == .unknownPackage)
    }

    @Test func `source packages are found in the version asked for, and of others it is told which there are`()
        async throws
    {
        let folder = FilePath(NSTemporaryDirectory()).appending("bootferry-source-\(UUID().uuidString)")
        try FileManager.default.createDirectory(atPath: folder.string, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder.string) }
        let made = try await AptProgram.run("bash", ["-c", Self.archive], in: folder)
        try #require(made.succeeded, "\(made.errors)")
        let locker = PackageLocker(
            stateDirectory: folder.appending("state"), mirrors: MirrorList(named: "file:\(folder)/archive"),
            keyring: folder.appending("key.gpg"))
        let (old, gone) = (
            SourcePackage(name: "hello", version: "1.9"), SourcePackage(name: "hello", version: "1.8")
        )
        let other = SourcePackage(name: "other", version: "1.9")
        let found = try await locker.find([old, gone, other], in: DebianBase(suite: "test", components: ["main"]))
        #expect(Set(found.files.keys) == [old])
        #expect(found.versions["hello"]?.sorted() == ["1.10", "1.9"] && found.versions["other"] == nil)
        let files = try #require(found.files[old])
        #expect(files.map(\.poolPath) == ["pool/main/h/hello/hello_1.9.dsc", "pool/main/h/hello/hello_1.9.tar.xz"])
        #expect(files.allSatisfy { $0.archive == "debian" && $0.architecture == "source" && $0.version == "1.9" })
    }

    @Test func `what a package was built from is read from its fields`() {
        #expect(
            SourcePackage.list(
                builtUsing: "glibc (= 2.41-12), linux (= 6.12.57-1),\n gcc-14 (= 1:14.2.0-19) , x, y (>= 2)"
            )
            .map(\.description) == ["glibc 2.41-12", "linux 6.12.57-1", "gcc-14 1:14.2.0-19"])
        for (binary, source) in [
            ("1.2-3+b1", "1.2-3"), ("1.2-3", "1.2-3"), ("1:1.2+b12", "1:1.2"), ("1.2+beta", "1.2+beta"), ("1+b", "1+b"),
        ] { #expect(SourcePackage.version(ofSourceFor: binary) == source) }
    }
}
