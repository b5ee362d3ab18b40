import Archives
import Building
import Foundation
import SystemModel
import SystemPackage
import Testing

@testable import ImageAssembly

@Suite(.enabled(if: has("dpkg-deb", "zstd", "cpio"))) struct SegmentTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    private func sample() throws -> String {
        try bench.package(
            "sample", fields: "Multi-Arch: same",
            control: ["conffiles": "/etc/sample.conf\n", "postinst": "#!/bin/sh\nexit 0\n"],
            [
                "bin/tool": "tool", "usr/bin/first": "the same", "etc/sample.conf": "a = 1\n",
                "usr/share/doc/sample/copyright": "free", "usr/share/doc/sample/README": "long",
                "usr/share/man/man1/tool.1": "page", "usr/share/locale/de/x.mo": "wort", "boot/vmlinuz-6": "kernel",
                "var/empty/": "",
            ]
        ) { tree in
            try FileManager.default.linkItem(
                atPath: tree.appending("usr/bin/first").string, toPath: tree.appending("usr/bin/second").string)
            try FileManager.default.createSymbolicLink(
                atPath: tree.appending("usr/bin/link").string, withDestinationPath: "first")
            for (path, mode) in [("bin/tool", 0o4755), ("usr/bin/first", 0o755), ("etc/sample.conf", 0o640)] {
                try FileManager.default.setAttributes(
                    [.posixPermissions: mode], ofItemAtPath: tree.appending(path).string)
            }
        }
    }

    @Test func `a package becomes the paths, modes and links of a merged root`() async throws {
        let segment = try await bench.build("builtin:segment", "sample", ["deb": try sample()])
        let listing = try bench.listing(segment)
            .filter { !$0.hasPrefix("d") && !$0.hasSuffix(".md5sums") && !$0.hasSuffix(".list") }
        #expect(
            listing.sorted()
                == [
                    "-rw-r--r-- 0 0 17 var/lib/dpkg/info/sample:amd64.conffiles",
                    "-rw-r--r-- 0 0 4 usr/share/doc/sample/copyright", "-rw-r----- 0 0 6 etc/sample.conf",
                    "-rwsr-xr-x 0 0 4 usr/bin/tool", "-rwxr-xr-x 0 0 0 usr/bin/second",
                    "-rwxr-xr-x 0 0 17 var/lib/dpkg/info/sample:amd64.postinst", "-rwxr-xr-x 0 0 8 usr/bin/first",
                    "lrwxrwxrwx 0 0 5 usr/bin/link -> first",
                ].sorted())
        #expect(
            try bench.file("usr/bin/second", of: segment) == ""
                && bench.file("usr/bin/first", of: segment) == "the same")
        #expect(
            try bench.file("var/lib/dpkg/info/sample:amd64.list", of: segment).hasPrefix("/.\n/bin\n/bin/tool\n/boot\n")
        )
        let summary = try SegmentSummary(segment: segment)
        #expect(summary.inodes == (try bench.listing(segment).count) - 1)
        #expect(summary.size == (try Tree.size(of: segment.appending("segment.cpio.zst"))))
        let contents = try Tree.text(segment.appending("contents")).split(separator: "\n")
        #expect(contents.contains("usr/bin/tool") && contents.contains("var/empty/") && !contents.contains("bin/"))
        #expect(try Tree.text(segment.appending("control")).hasSuffix("\n\n/etc/sample.conf\n"))
    }

    @Test func `documentation and locales stay where they are kept`() async throws {
        let segment = try await bench.build(
            "builtin:segment", "sample", ["deb": try sample(), "keep": "documentation locales"])
        let paths = try bench.listing(segment).joined(separator: "\n")
        #expect(paths.contains("man1/tool.1") && paths.contains("x.mo") && paths.contains("README"))
        #expect(!paths.contains("vmlinuz"))
    }

    @Test func `neither folder, umask, time zone nor locale reaches a segment`() async throws {
        let deb = try sample()
        let first = try await bench.build("builtin:segment", "one", ["deb": deb, "name": "sample"])
        let other = try Workbench()
        try FileManager.default.copyItem(
            atPath: bench.store.appending("sample.deb").string, toPath: other.store.appending("sample.deb").string)
        let mask = umask(0o077)
        setenv("TZ", "Asia/Tokyo", 1)
        setenv("LC_ALL", "tr_TR.UTF-8", 1)
        defer {
            umask(mask)
            unsetenv("TZ")
            unsetenv("LC_ALL")
        }
        let second = try await other.build("builtin:segment", "two", ["deb": deb, "name": "sample"])
        for file in ["segment.cpio.zst", "segment.json", "contents", "control"] {
            #expect(try Tree.read(first.appending(file)) == Tree.read(second.appending(file)), "\(file) differs")
        }
    }

    @Test func `a package cut off anywhere is refused by name`() async throws {
        let deb = bench.store.appending("sample.deb")
        _ = try sample()
        let bytes = try Tree.read(deb)
        for part in [0, 7, 60, 70, 200, bytes.count / 2, bytes.count - 9] {
            try Data(bytes[..<part]).write(to: URL(filePath: bench.store.appending("cut.deb").string))
            let error = await #expect(throws: (any Error).self) {
                try await bench.build("builtin:segment", "cut-\(part)", ["deb": "/nix/store/cut.deb"])
            }
            #expect("\(try #require(error))".contains("cut.deb"), "\(part): \(String(describing: error))")
        }
    }

    @Test(arguments: ["/etc/passwd", "../../etc/passwd", "usr/../../x", "a\nb"])
    func `a path that leaves the root or breaks a line is refused`(_ path: String) {
        #expect(throws: BuildError.self) { try CanonicalPath.of(path, in: "hostile") }
    }

    @Test func `paths are moved into usr, and the merged names themselves never come out`() throws {
        #expect(try CanonicalPath.of("./bin/sh", in: "p") == "usr/bin/sh")
        #expect(try CanonicalPath.of("lib64/ld.so", in: "p") == "usr/lib64/ld.so")
        #expect(try CanonicalPath.of("./usr//share/./x/", in: "p") == "usr/share/x")
        for name in ["./", ".", "bin", "./lib", "lib64/", "sbin"] {
            #expect(try CanonicalPath.of(name, in: "p") == nil)
        }
    }

    @Test func `unpacking writes through no link of a package`() async throws {
        let outside = bench.root.appending("outside")
        try FileManager.default.createDirectory(atPath: outside.string, withIntermediateDirectories: true)
        try bench.package("first", ["usr/share/keep": ""]) { tree in
            try FileManager.default.createSymbolicLink(
                atPath: tree.appending("usr/share/x").string, withDestinationPath: outside.string)
        }
        try bench.package("second", ["usr/share/x/escaped": "!"])
        await #expect(throws: BuildError.self) {
            try await bench.build("builtin:unpack", "tree", ["debs": "/nix/store/first.deb /nix/store/second.deb"])
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: outside.string).isEmpty)
    }

    @Test func `unpacked packages share one tree with merged links and awk`() async throws {
        try bench.package("a", ["bin/sh": "#!", "usr/bin/mawk": "awk"])
        try bench.package("b", ["usr/bin/zstd": "z", "lib/libz.so": "z"])
        let tree = try await bench.build("builtin:unpack", "tree", ["debs": "/nix/store/a.deb /nix/store/b.deb"])
        #expect(try Tree.text(tree.appending("bin/zstd")) == "z")
        #expect(try Tree.text(tree.appending("lib/libz.so")) == "z")
        #expect(try Tree.text(tree.appending("usr/bin/awk")) == "awk")
        #expect(!Tree.exists(tree.appending("lib64")))
    }

    @Test func `a kernel comes out with its release`() async throws {
        try bench.package("linux-image-6.12", ["boot/vmlinuz-6.12.1-amd64": "kernel"])
        let kernel = try await bench.build("builtin:kernel", "kernel", ["deb": "/nix/store/linux-image-6.12.deb"])
        #expect(try Tree.text(kernel.appending("release")) == "6.12.1-amd64\n")
        #expect(try Tree.text(kernel.appending("vmlinuz")) == "kernel")
    }
}
