import Building
import Foundation
import SystemModel
import SystemPackage
import Testing

@testable import ImageAssembly

@Suite(.enabled(if: has("zstd", "cpio"))) struct SettingsTests {
    let bench: Workbench

    init() throws {
        bench = try Workbench()
        let configuration = bench.store.appending("conf")
        for folder in ["accounts", "skel", "units/etc/systemd/system", "units/usr/lib/systemd/system"] {
            try FileManager.default.createDirectory(
                atPath: configuration.appending(folder).string, withIntermediateDirectories: true)
        }
        let files = [
            "accounts/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n",
            "accounts/group": "root:x:0:\ndaemon:x:1:\nshadow:x:42:\nsudo:x:27:\n",
            "accounts/shadow": "root:*:3652:0:99999:7:::\ndaemon:*:3652:0:99999:7:::\n",
            "accounts/gshadow": "root:*::\ndaemon:*::\nshadow:*::\nsudo:*::\n", "skel/.profile": "# profile\n",
            "contents": "etc/\nsrv\nusr/sbin/setcap\nusr/share/zoneinfo/Europe/Berlin\n",
            "units/usr/lib/systemd/system/demo.service":
                "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
            "units/usr/lib/systemd/system/multi-user.target": "[Unit]\n",
        ]
        try Tree.write([0, 255], to: bench.store.appending("data"))
        for (path, text) in files { try Tree.write(Array(text.utf8), to: configuration.appending(path)) }
        try Tree.write(
            json: SegmentSummary(
                name: "configuration", size: 0, unpackedBytes: 0, inodes: 0, removals: ["etc/motd", "usr/gone"],
                capabilities: ["usr/bin/ping": "0100000200200000000000000000000000000000"]
            ), to: configuration.appending("segment.json"))
    }

    private func settings(_ change: (inout NodeSettings) -> Void = { _ in }) throws -> String {
        var settings = NodeSettings(
            system: "lab", hostname: "node1.example.org",
            users: [
                UserAccount(
                    name: "ada", uid: nil, passwordHash: "$6$x", sshKeys: ["ssh-ed25519 AAAA"], groups: ["sudo"],
                    shell: "/bin/bash", home: "/home/ada")
            ],
            files: [
                .init(
                    path: "/etc/motd", text: "hello\n", mode: 0o644, owner: "root",
                    group: "root"),
                .init(
                    path: "/opt/lab/data", source: "/nix/store/data", mode: 0o2600, owner: "ada",
                    group: "sudo"),
                .init(
                    path: "/bin/x", linkTarget: "/opt/lab/data", mode: 0o777, owner: "root",
                    group: "root"),
            ],
            network: .dhcp, timeZone: "Europe/Berlin", locale: "C.UTF-8")
        change(&settings)
        return try canonicalJSON(settings)
    }

    @discardableResult
    private func build(_ name: String, _ settings: String, _ more: [String: String] = [:]) async throws -> FilePath {
        try await bench.build("builtin:catalogue", "catalogue-\(name)", ["segments": "/nix/store/conf"])
        return try await bench.build(
            "builtin:settings", name,
            [
                "settings": settings, "configuration": "/nix/store/conf",
                "catalogue": "/nix/store/catalogue-\(name)",
            ].merging(more) { $1 })
    }

    @Test func `a configuration becomes accounts, files and the sentinel, in that order`() async throws {
        let segment = try await build("settings", try settings())
        #expect(
            try bench.file("etc/passwd", of: segment).hasSuffix("ada:x:1000:1000::/home/ada:/bin/bash\n"))
        #expect(try bench.file("etc/group", of: segment).hasSuffix("sudo:x:27:ada\nada:x:1000:\n"))
        #expect(try bench.file("etc/shadow", of: segment).hasSuffix("ada:$6$x:3652:0:99999:7:::\n"))
        #expect(try bench.file("etc/hosts", of: segment).contains("127.0.1.1 node1.example.org node1\n"))
        let listing = try bench.listing(segment)
        #expect(listing.contains("drwx------ 1000 1000 0 home/ada/.ssh"))
        #expect(listing.contains("-rw------- 1000 1000 17 home/ada/.ssh/authorized_keys"))
        #expect(listing.contains("-rw-r----- 0 42 \(try bench.file("etc/shadow", of: segment).utf8.count) etc/shadow"))
        #expect(listing.contains("-rw---S--- 1000 27 2 opt/lab/data"))
        #expect(
            listing.contains("drwxr-xr-x 0 0 0 opt/lab")
                && listing.contains("lrwxrwxrwx 0 0 13 usr/bin/x -> /opt/lab/data"))
        #expect(listing.last?.hasSuffix("usr/lib/bootferry/complete") == true)
        // What the configuration brings itself is not deleted at boot.
        #expect(try bench.file("usr/lib/bootferry/removals", of: segment) == "usr/gone\n")
        #expect(try bench.file("usr/lib/bootferry/capabilities", of: segment) == "cap_net_raw=ep\tusr/bin/ping\n")
    }

    @Test func `a file in a directory that configuring took away has one of its own, and both stay`() async throws {
        let configuration = bench.store.appending("conf")
        try Tree.remove(configuration.appending("segment.json"))
        try Tree.remove(configuration.appending("contents"))
        try Tree.write(
            Array("etc/\netc/foo/\netc/foo/old\netc/link\nusr/share/zoneinfo/Europe/Berlin\n".utf8),
            to: configuration.appending("contents"))
        try Tree.write(
            json: SegmentSummary(
                name: "configuration", size: 0, unpackedBytes: 0, inodes: 0,
                removals: ["etc/foo", "etc/foo/old", "etc/link"], capabilities: [:]
            ), to: configuration.appending("segment.json"))
        let segment = try await build(
            "settings",
            try settings { settings in
                settings.files = ["/etc/foo/bar", "/etc/link/deep/bar"].map {
                    .init(path: $0, text: "mine\n", mode: 0o644, owner: "root", group: "root")
                }
            })
        #expect(try bench.file("usr/lib/bootferry/removals", of: segment) == "etc/foo/old\n")
        let listing = try bench.listing(segment)
        for line in ["drwxr-xr-x 0 0 0 etc/foo", "drwxr-xr-x 0 0 0 etc/link", "drwxr-xr-x 0 0 0 etc/link/deep"] {
            #expect(listing.contains(line), "\(line)")
        }
    }

    @Test func `a source that is a link is refused rather than its target's name packed`() async throws {
        try Tree.link(bench.store.appending("link"), to: "data")
        let text = try settings { $0.files[1].source = "/nix/store/link" }
        let error = await #expect(throws: BuildError.self) { try await build("settings", text) }
        #expect(error?.subject == bench.store.appending("link").string)
    }

    @Test func `a small segment is stored, a larger one compressed, and zstd takes both`() async throws {
        let small = try await build("small", try settings())
        #expect(try Tree.read(small.appending("segment.cpio.zst"))[4] == 0xA4)
        let text = String(repeating: "0123456789\n", count: 20_000)
        let large = try await build("large", try settings { $0.files[0].text = text })
        #expect(try Tree.size(of: large.appending("segment.cpio.zst")) < text.utf8.count / 10)
        #expect(try bench.file("etc/motd", of: large) == text)
    }

    @Test func `a catalogue has each path once, as the last segment to carry it has it`() async throws {
        for (name, contents, removals) in [("a", "etc/\netc/x/\netc/y\n", ["gone"]), ("b", "etc/\netc/x\n", [])] {
            let folder = bench.store.appending(name)
            try Tree.makeDirectory(folder)
            try Tree.write(Array(contents.utf8), to: folder.appending("contents"))
            try Tree.write(
                json: SegmentSummary(name: name, size: 1, unpackedBytes: 2, inodes: 3, removals: removals),
                to: folder.appending("segment.json"))
        }
        let catalogue = Catalogue(
            directory: try await bench.build("builtin:catalogue", "both", ["segments": "/nix/store/a /nix/store/b"]))
        #expect(try Tree.text(catalogue.directory.appending("contents")) == "etc/\netc/x\netc/y\n")
        #expect(try catalogue.removals() == ["gone"])
        #expect(try catalogue.segments().map(\.summary.name) == ["a", "b"])
        let carried = try catalogue.contents()
        #expect(carried.kind(of: "etc/x") == .other && carried.kind(of: "etc") == .directory)
        #expect(carried.kind(of: "etc/z") == nil)
    }

    @Test func `two builds of one configuration are the same bytes`() async throws {
        let first = try await build("one", try settings())
        let second = try await build("two", try settings())
        #expect(try Tree.read(first.appending("segment.cpio.zst")) == Tree.read(second.appending("segment.cpio.zst")))
    }

    @Test func `names that do not exist are refused with the nearest that do`() async throws {
        for (change, words): ((inout NodeSettings) -> Void, String) in [
            ({ $0.users[0].groups = ["sodo"] }, "did you mean 'sudo'?"),
            ({ $0.files[0].owner = "deamon" }, "did you mean 'daemon'?"),
            ({ $0.timeZone = "Europe/Bonn" }, "tzdata"),
            ({ $0.users[0].uid = 1 }, "has the number 1, which 'daemon' has"),
        ] {
            let text = try settings(change)
            let error = try #require(
                await #expect(throws: BuildError.self) { try await build("wrong-\(words.count)", text) })
            #expect(error.description.contains(words), "\(error)")
        }
    }

    @Test(.enabled(if: has("bwrap", "systemctl")))
    func `services are switched on and off by systemctl itself`() async throws {
        let services = try await bench.build(
            "builtin:services", "services",
            ["configuration": "/nix/store/conf", "enabled": "demo", "disabled": "", "optional": "absent"])
        let link = "etc/systemd/system/multi-user.target.wants/demo.service"
        #expect(try Tree.text(services.appending("links")).hasPrefix("\(link)\t"))
        let segment = try await build("settings", try settings(), ["services": "/nix/store/services"])
        #expect(try bench.listing(segment).contains { $0.contains("\(link) -> ") })
        let error = try #require(
            await #expect(throws: BuildError.self) {
                try await bench.build(
                    "builtin:services", "wrong",
                    ["configuration": "/nix/store/conf", "enabled": "dmeo", "disabled": ""])
            })
        #expect(error.remedy == "did you mean 'demo.service'?")
    }

    @Test func `an image lists its parts, and one that its nodes cannot hold is refused with the sum`() async throws {
        let first = try await bench.build(
            "builtin:init", "init", ["files": ##"{"init": "#!/bin/sh\n", "phone-home": "x"}"##])
        #expect(try bench.listing(first).contains("lrwxrwxrwx 0 0 7 bin -> usr/bin"))
        #expect(try bench.listing(first).contains("-rwxr-xr-x 0 0 10 init"))
        try await build("last", try settings())
        try FileManager.default.createDirectory(
            atPath: bench.store.appending("kernel").string, withIntermediateDirectories: true)
        try Tree.write([1, 2, 3], to: bench.store.appending("kernel/vmlinuz"))
        try Tree.write(Array("6.12\n".utf8), to: bench.store.appending("kernel/release"))
        var request = ImageRequest(
            system: "lab", platform: "x86_64", kernelParameters: ["quiet"], kernel: "/nix/store/kernel",
            settings: "/nix/store/last", loaders: ["a.efi": "/nix/store/kernel/vmlinuz"], memory: 512)
        try await bench.build("builtin:catalogue", "catalogue", ["segments": "/nix/store/init"])
        func image(_ name: String) async throws -> FilePath {
            try await bench.build(
                "builtin:image", name,
                ["image": try canonicalJSON(request), "catalogue": "/nix/store/catalogue"])
        }
        let made = try await image("image")
        let manifest = try ImageManifest(json: Tree.read(made.appending("manifest.json"))) {
            #expect($0 == "/nix/store/catalogue")
            return try Tree.read(bench.store.appending("catalogue/segments"))
        }
        #expect(manifest.kernelRelease == "6.12" && manifest.kernel.size == 3 && manifest.loaders["a.efi"]?.size == 3)
        #expect(manifest.segments.map(\.summary.name) == ["init", "settings"])
        #expect(manifest.initramfsSize == manifest.segments.reduce(0) { $0 + ($1.part.size + 3) & ~3 })
        #expect(manifest.peakMemory > MemoryEstimate.kernel)
        request.memory = 64
        let error = try #require(await #expect(throws: BuildError.self) { try await image("small") })
        #expect(error.message.contains("and its nodes have 64"))
    }
}
