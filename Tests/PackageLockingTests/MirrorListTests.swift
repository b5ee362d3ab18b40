import SystemModel
import Testing

@testable import PackageLocking

@Suite struct MirrorListTests {
    private let package = LockedPackage(
        name: "libcap2", version: "1:2+b", architecture: "amd64",
        poolPath: "pool/main/libc/libcap2/libcap2_2+b_amd64.deb",
        archive: "debian-security", size: 1, sha256: "")

    @Test func `a package's addresses are those of its archive, with a plus sign escaped`() {
        let mirrors = MirrorList(archive: ["http://a/debian"], security: ["http://b/sec/", "http://c/sec"])
        #expect(
            mirrors.urls(archive: package.archive, poolPath: package.poolPath) == [
                "http://b/sec/pool/main/libc/libcap2/libcap2_2%2bb_amd64.deb",
                "http://c/sec/pool/main/libc/libcap2/libcap2_2%2bb_amd64.deb",
            ])
    }

    @Test func `a named mirror has its security archive beside it`() {
        #expect(MirrorList(named: "http://m/debian").security == ["http://m/debian-security/"])
        #expect(MirrorList(named: "file:/srv/packages").security.isEmpty)
        #expect(
            MirrorList(named: "http://m/debian").location(of: "http://m/debian-security/pool/x")?.archive
                == "debian-security")
        #expect(MirrorList(named: "http://m/debian").location(of: "http://m/debian/pool/x")?.path == "pool/x")
        #expect(MirrorList(named: "http://m/debian").location(of: "http://other/debian/pool/x") == nil)
    }

    @Test func `changes name what moved, came and went`() {
        func lock(_ versions: [String: String]) -> LockFile {
            LockFile(
                sets: [
                    .system: versions.map { name, version in
                        LockedPackage(
                            name: name, version: version, architecture: "all", poolPath: "pool/\(name)",
                            archive: "debian", size: 1, sha256: version)
                    }
                ], request: "")
        }
        let changes = LockChange.changes(
            from: lock(["a": "1", "b": "1", "d": "1"]), to: lock(["a": "2", "c": "1", "d": "1"]))
        #expect(changes.map(\.description) == ["a 1 -> 2", "b 1 (gone)", "c 1 (new)"])
    }
}
