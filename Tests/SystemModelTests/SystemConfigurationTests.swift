import Foundation
import Testing

@testable import SystemModel

@Suite struct SystemConfigurationTests {
    @Test func `an almost empty file takes every default`() throws {
        let system = try configuration("version: 1\n").resolve()
        #expect(system.name == "a")
        #expect(system.hostname == "a")
        #expect(system.platform == "x86_64")
        #expect(system.base == DebianBase(suite: "trixie", components: ["main"]))
        #expect(system.kernelPackage == "linux-image-amd64")
        #expect(system.network == .dhcp)
        #expect(system.timeZone == "Etc/UTC")
        #expect(system.locale == "C.UTF-8")
        #expect(system.memory == 1024)
        #expect(system.root == .ram)
        #expect(system.users.isEmpty && system.files.isEmpty && system.packages.isEmpty)
    }

    @Test func `Nix closures stand among the packages, and are taken out like them`() throws {
        let paths = ["hello-2.12", "other-1", "third"].map { "/nix/store/\(String(repeating: "a", count: 32))-\($0)" }
        let written = try configuration(
            """
            version: 1
            imports: [../base.yaml]
            packages: [zsh, nix: \(paths[2]), !remove {nix: \(paths[0])}, {nix: \(paths[1])}]
            """, ["base.yaml": "version: 1\npackages: [nix: \(paths[0]), nano, nix: \(paths[1])]\n"])
        let system = written.resolve()
        #expect(system.packages == ["nano", "zsh"] && system.closures == [paths[1], paths[2]])
        #expect(written.positionOfClosure(paths[2])?.description == "a/system.yaml:3:22")
        let shown = system.rendered()
        #expect(shown.contains("nix: \(paths[1])"), "\(shown)")
        let again = try configuration(shown).resolve()
        #expect(again.closures == system.closures && again.packages == system.packages)
        for wrong in [
            "{nix: /nix/store/short-x}", "{nix: \(paths[0])/bin/hello}", "{nixx: \(paths[0])}", "[zsh]", "{}",
        ] {
            #expect(throws: ConfigurationError.self, "\(wrong)") {
                try configuration("version: 1\npackages: [\(wrong)]\n")
            }
        }
    }

    @Test func `lists append, records merge, and sources belong to the file that names them`() throws {
        let system = try configuration(
            """
            version: 1
            imports: [../common/base.yaml]
            packages: [zsh, !remove nano]
            users: {alice: {shell: /bin/zsh}}
            files:
              /etc/motd: {source: motd, mode: "0600"}
            """,
            [
                "common/base.yaml": """
                version: 1
                name: base
                packages: [vim-tiny, nano]
                users: {alice: {uid: 1200}, root: {password-hash: "!"}}
                files:
                  /etc/issue: {source: issue}
                """
            ]
        ).resolve()
        #expect(system.packages == ["vim-tiny", "zsh"])
        #expect(system.name == "base")
        #expect(system.users.map(\.name) == ["alice", "root"])
        #expect(system.users[0].uid == 1200)
        #expect(system.users[0].shell == "/bin/zsh")
        #expect(system.users[0].home == "/home/alice")
        #expect(system.users[1].home == "/root")
        #expect(system.files.map(\.source) == [.file("/site/common/issue"), .file("/site/a/motd")])
        #expect(system.files.map(\.mode) == [0o644, 0o600])
    }

    @Test func `text given twice names both places`() throws {
        let base = ["a/base.yaml": "version: 1\nhostname: one\n"]
        #expect(
            try complaints("version: 1\nimports: [base.yaml]\nhostname: two\n", base) == [
                "a/system.yaml:3:11: `hostname`: given twice, also at a/base.yaml:2:11; "
                    + "write `!override` before the value that is to hold"
            ])
        let own = try configuration("version: 1\nimports: [base.yaml]\nhostname: !override two\n", base)
        #expect(own.resolve().hostname == "two")
        let imported = ["a/base.yaml": "version: 1\nhostname: !override one\n"]
        #expect(
            try configuration("version: 1\nimports: [base.yaml]\nhostname: two\n", imported).resolve().hostname == "one"
        )
        #expect(
            try configuration("version: 1\nimports: [base.yaml]\nhostname: !override two\n", imported)
                .resolve().hostname == "two")
        let siblings = [
            "a/b.yaml": "version: 1\nhostname: !override one\n", "a/c.yaml": "version: 1\nhostname: !override two\n",
        ]
        #expect(try complaints("version: 1\nimports: [b.yaml, c.yaml]\n", siblings).count == 1)
    }

    @Test func `an overriding list takes the place of the imported one`() throws {
        let system = try configuration(
            "version: 1\nimports: [base.yaml]\npackages: !override [zsh]\n",
            ["a/base.yaml": "version: 1\npackages: [vim-tiny]\n"])
        #expect(system.resolve().packages == ["zsh"])
    }

    @Test func `a file imported twice counts once`() throws {
        let system = try configuration(
            "version: 1\nimports: [b.yaml, c.yaml]\n",
            [
                "a/b.yaml": "version: 1\nimports: [d.yaml]\n", "a/c.yaml": "version: 1\nimports: [./x/../d.yaml]\n",
                "a/d.yaml": "version: 1\nhostname: once\nkernel: {parameters: [quiet]}\n",
            ])
        #expect(system.resolve().kernelParameters == ["console=tty0", "console=ttyS0,115200", "quiet"])
        #expect(system.files == ["a/system.yaml", "a/b.yaml", "a/d.yaml", "a/c.yaml"])
    }

    @Test func `consoles that a system writes take the place of its platform's`() throws {
        let own = try configuration("version: 1\nkernel: {parameters: [console=ttyS1, quiet]}\n")
        #expect(own.resolve().kernelParameters == ["console=ttyS1", "quiet"])
        #expect(
            try configuration("version: 1\n").resolve().kernelParameters == ["console=tty0", "console=ttyS0,115200"])
    }

    @Test func `a circle of imports is shown whole`() throws {
        let problems = try complaints(
            "version: 1\nimports: [b.yaml]\n",
            ["a/b.yaml": "version: 1\nimports:\n  - system.yaml\n"])
        #expect(
            problems == [
                "a/b.yaml:3:5: `imports`: the imports form a circle: a/system.yaml -> a/b.yaml -> a/system.yaml"
            ])
    }

    @Test func `a setting taken out of the configuration is gone from the system`() throws {
        let with = try configuration("version: 1\nfiles: {/etc/motd: {text: hello}}\n").resolve()
        let without = try configuration("version: 1\n").resolve()
        #expect(with.files.count == 1)
        #expect(without.files.isEmpty)
    }

    @Test func `what show system prints is a configuration that means the same`() throws {
        let text = try String(
            contentsOf: RepositoryFiles.root.appending(path: "Tests/SystemModelTests/Fixtures/everything.yaml"),
            encoding: .utf8)
        let system = try configuration(text).resolve()
        #expect(try configuration(system.rendered()).resolve() == system)
        #expect(try configuration(system.renderedJSON()).resolve() == system)
    }

    @Test func `show config gives each value with the place that says it`() throws {
        let shown = try configuration(
            "version: 1\nimports: [b.yaml]\npackages: [zsh]\n",
            ["a/b.yaml": "version: 1\npackages: [vim-tiny]\nhostname: h\n"]
        ).rendered()
        #expect(
            shown == """
                packages[]: vim-tiny  # a/b.yaml:2:12
                packages[]: zsh       # a/system.yaml:3:12
                hostname: h           # a/b.yaml:3:11

                """)
    }

    @Test func `every shipped system resolves`() throws {
        let platforms = try RepositoryFiles.names(in: "targets/platforms").map {
            try Platform.read("targets/platforms/\($0)", files: RepositoryFiles.reader())
        }
        for name in try RepositoryFiles.names(in: "targets/systems") where name != "common" {
            let system = try SystemConfiguration.read(
                "targets/systems/\(name)/system.yaml", directory: RepositoryFiles.root.path(), platforms: platforms,
                files: RepositoryFiles.reader()
            ).resolve()
            #expect(system.name == name)
            if system.recipes.isEmpty {
                #expect(system.packages.contains("systemd"))
                #expect(system.kernelParameters.contains { $0.hasPrefix("console=tty") })
            } else {
                #expect(system.recipes.contains("busybox") && system.packages.isEmpty)
            }
            #expect(system.users.allSatisfy { $0.passwordHash == nil && $0.sshKeys.isEmpty })
        }
    }
}
