import Building
import Foundation
import SystemModel
import SystemPackage
import Testing

@testable import ImageAssembly

/// A whole configure step on handmade packages: the programs of the host stand for both the toolbox and the node.
@Suite(.enabled(if: has("dpkg-deb", "bwrap", "zstd", "bsdtar", "tar", "ldd"))) struct ConfigureTests {
    let bench: Workbench

    init() throws { bench = try Workbench() }

    /// A package of the host's programs that dpkg and a maintainer script need, with their libraries.
    private func system() throws -> String {
        try bench.package("system", fields: "Essential: yes", ["var/lib/dpkg/": "", "etc/": "", "root/": ""]) { tree in
            let script = """
                set -e
                for program in sh dpkg dpkg-query dpkg-deb dpkg-split dpkg-trigger dpkg-divert rm tar diff env cat mkdir ln id stat ldconfig start-stop-daemon mount; do
                    path=$(readlink -f "$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v $program)")
                    mkdir -p "$1/usr/bin"
                    cp "$path" "$1/usr/bin/$program"
                    for library in $(ldd "$path" 2>/dev/null | grep -o '/[^ ]*'); do
                        mkdir -p "$1/usr/${library%/*}"
                        cp -L "$library" "$1/usr/${library#/usr}" 2>/dev/null || cp -L "$library" "$1$library"
                    done
                done
                """
            _ = try bench.run("sh", "-c", script, "sh", tree.string)
        }
    }

    private func configured(
        _ debs: [String], output: String = "configured", on bench: Workbench? = nil
    ) async throws -> FilePath {
        let bench = bench ?? self.bench
        for deb in debs {
            let name = deb.split(separator: "/").last?.dropLast(4) ?? ""
            if !Tree.exists(bench.store.appending("seg-\(name)")) {
                try await bench.build("builtin:segment", "seg-\(name)", ["deb": deb, "name": String(name)])
            }
        }
        let segments = debs.map { "/nix/store/seg-\($0.split(separator: "/").last?.dropLast(4) ?? "")" }
        return try await bench.build(
            "builtin:configure", output, ["segments": segments.joined(separator: " ")])
    }

    @Test func `what maintainer scripts do becomes the configuration segment`() async throws {
        let postinst = """
            #!/bin/sh
            set -e
            mkdir -p /var/lib/demo /var/cache/demo
            echo "configured $1 as $(id -u) $(cat /etc/demo.conf)" >/var/lib/demo/state
            echo scratch >/var/cache/demo/file
            ln -s state /var/lib/demo/link
            rm /usr/share/demo/unwanted
            echo secret >/etc/machine-id
            """
        let debs = [
            try system(),
            try bench.package(
                "demo",
                control: [
                    "postinst": postinst, "conffiles": "/etc/demo.conf\n",
                    "preinst": "#!/bin/sh\necho $1 >/etc/demo.preinst\n",
                ],
                ["etc/demo.conf": "b", "usr/share/demo/unwanted": "x", "usr/share/demo/wanted": "y"]),
        ]
        let output = try await configured(debs)
        #expect(try bench.file("var/lib/demo/state", of: output) == "configured configure as 0 b\n")
        #expect(try bench.file("etc/demo.preinst", of: output) == "install\n")
        let summary = try SegmentSummary(segment: output)
        #expect(summary.removals == ["usr/share/demo/unwanted"])
        let contents = try Tree.text(output.appending("contents"))
        // Without it dpkg on the node would not find the lists of `Multi-Arch: same` packages.
        #expect(contents.contains("\nvar/lib/dpkg/info/format\n"))
        #expect(contents.contains("\nvar/lib/demo/link\n") && !contents.contains("var/cache/demo/file"))
        #expect(!contents.contains("usr/share/demo/wanted") && !contents.contains("policy-rc.d"))
        #expect(try bench.listing(output).contains("-r--r--r-- 0 0 0 etc/machine-id"))
        let status = try bench.file("var/lib/dpkg/status", of: output)
        // md5sum of "b", which dpkg would compare at an upgrade.
        #expect(status.contains("Conffiles:\n /etc/demo.conf 92eb5ffee6ae2fec3ad71c777531578f\n"), "\(status)")
        #expect(status.contains("Package: demo\nStatus: install ok installed"))

        // Again, elsewhere and otherwise.
        let other = try Workbench()
        for name in ["system", "demo"] {
            try FileManager.default.copyItem(
                atPath: bench.store.appending("\(name).deb").string, toPath: other.store.appending("\(name).deb").string
            )
        }
        let mask = umask(0o077)
        defer { umask(mask) }
        let second = try await configured(debs, on: other)
        for file in ["segment.cpio.zst", "segment.json", "contents"] {
            #expect(try Tree.read(output.appending(file)) == Tree.read(second.appending(file)), "\(file) differs")
        }
    }

    @Test func `a script cannot write to the host's kernel, nor mount`() async throws {
        // It writes back what is there: were it let, nothing would change.
        let postinst = """
            #!/bin/sh
            mkdir -p /var/lib/demo
            try() { if ("$@") 2>/dev/null; then echo "did $*" >>/var/lib/demo/state; fi; }
            rewrite() { pattern=$(cat /proc/sys/kernel/core_pattern); echo "$pattern" >/proc/sys/kernel/core_pattern; }
            open() { : >>/proc/sysrq-trigger; }
            try rewrite
            try open
            try mount -o remount,bind,rw /proc/sys
            try mount -t proc proc /proc
            try mount -t tmpfs tmpfs /root
            try rewrite
            if [ -e /sys/kernel ]; then echo "sees /sys" >>/var/lib/demo/state; fi
            echo done >>/var/lib/demo/state
            """
        let output = try await configured([try system(), try bench.package("demo", control: ["postinst": postinst])])
        #expect(try bench.file("var/lib/demo/state", of: output) == "done\n")
    }

    @Test func `a script that fails is shown with its package's name and its own words`() async throws {
        let debs = [
            try system(),
            try bench.package("innocent", control: ["postinst": "#!/bin/sh\necho all is well\n"], ["etc/i": ""]),
            try bench.package(
                "culprit", control: ["postinst": "#!/bin/sh\necho the moon is in the wrong phase >&2\nexit 3\n"],
                ["etc/c": ""]),
        ]
        let error = try #require(await #expect(throws: BuildError.self) { try await configured(debs) })
        #expect(error.subject == "culprit")
        #expect(error.cause?.contains("the moon is in the wrong phase") == true, "\(error)")
        #expect(error.cause?.contains("all is well") == false, "\(error)")
    }

    @Test func `two packages with one file are refused, and a replacer's file wins`() async throws {
        let first = FileConflicts.Package(name: "a", replaces: [], contents: ["usr/", "usr/x", "usr/y"])
        let second = FileConflicts.Package(name: "b", replaces: [], contents: ["usr/", "usr/x"])
        let error = try #require(
            #expect(throws: BuildError.self) { try FileConflicts(among: [first, second]) })
        #expect(error.description.contains("a: and 'b' both carry '/usr/x'"), "\(error)")

        let debs = [
            try bench.package("newer", fields: "Replaces: older (<< 2)", ["usr/share/moved": "right"]), try system(),
            try bench.package("older", ["usr/share/moved": "wrong"]),
        ]
        let output = try await configured(debs)
        #expect(try bench.file("usr/share/moved", of: output) == "right")
    }

    @Test func `a directory where another package has a file is refused`() {
        let first = FileConflicts.Package(name: "a", replaces: [], contents: ["usr/x/"])
        let second = FileConflicts.Package(name: "b", replaces: [], contents: ["usr/x"])
        #expect(throws: BuildError.self) { try FileConflicts(among: [first, second]) }
    }

    @Test func `a diverted file moves aside, and a conflict that no diversion explains is refused`() async throws {
        let preinst = """
            #!/bin/sh
            set -e
            dpkg-divert --package diverter --add --rename --divert /usr/share/x.plain /usr/share/x
            """
        let base = try system()
        let plain = try bench.package("plain", ["usr/share/x": "plain", "usr/share/z": "plain"])
        let diverter = try bench.package("diverter", control: ["preinst": preinst], ["usr/share/x": "diverted"])
        for (index, order) in [[base, plain, diverter], [diverter, base, plain]].enumerated() {
            let output = try await configured(order, output: "configured-\(index)")
            #expect(try bench.file("usr/share/x", of: output) == "diverted")
            #expect(try bench.file("usr/share/x.plain", of: output) == "plain")
            #expect(try SegmentSummary(segment: output).removals == [])
        }
        let rude = try bench.package("rude", control: ["preinst": "#!/bin/sh\n"], ["usr/share/z": "rude"])
        let error = try #require(
            await #expect(throws: BuildError.self) { try await configured([base, plain, rude], output: "refused") })
        #expect(error.description.contains("plain: and 'rude' both carry '/usr/share/z'"), "\(error)")
    }
}
