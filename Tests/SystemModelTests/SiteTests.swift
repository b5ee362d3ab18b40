import BootProtocols
import Diagnostics
import Foundation
import SeededRandomness
import Testing

@testable import SystemModel

@Suite struct SiteTests {
    static let fixtures = "Tests/SystemModelTests/Fixtures/site"

    static func site(_ path: String, in folder: String = fixtures) throws -> Site {
        try Site.read(path, directory: "/lab", files: RepositoryFiles.reader(folder))
    }

    static func complaints(_ text: String, nodes: String? = nil) -> [String] {
        let files = RepositoryFiles.texts(["s.yaml": text].merging(nodes.map { ["nodes.yaml": $0] } ?? [:]) { $1 })
        do {
            _ = try Site.read("s.yaml", directory: "/", files: files)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    @Test func `a site file with every key is read whole`() throws {
        let site = try Self.site("everything.yaml")
        #expect(site.networks.map(\.interface) == ["eth1", "eth2.7"])
        let eth1 = try #require(site.networks.first)
        #expect(eth1.dhcp == .full && eth1.isAuthoritative && eth1.routerAdvertisements)
        #expect(eth1.address == IPv4Address("10.77.0.1"))
        #expect(eth1.lending.ranges.map(\.lowerBound.description) == ["10.77.0.100", "10.77.0.200"])
        #expect(eth1.lending.leaseSeconds == 43200)
        #expect(eth1.lending.nameServers.count == 2 && eth1.lending.domain == "lab.example")
        let relayed = try #require(eth1.relayed.first)
        #expect(relayed.network.description == "10.78.0.0/24" && relayed.lending.leaseSeconds == 5400)
        #expect(site.networks[1].dhcp == .proxy)
        #expect(site.systems.map(\.source) == ["lab-node", "../systems/kiosk/system.yaml"])
        #expect(site.unknown == UnknownMachines(answer: .menu, system: "kiosk", menuSeconds: 10))
        #expect(site.httpPort == 80 && site.tftpPort == 6969 && site.uefiLoader == .ipxe)
        #expect(site.nodesPath == "adopted.yaml")
        #expect(site.nodes.map(\.name) == ["n1", "n2", "n3"])
        #expect(site.nodes.map(\.isAdopted) == [false, false, true])
        #expect(site.hasSerials)
    }

    @Test func `HTTPS needs a certificate and a port of its own, and every key says so where it stands`() throws {
        let site = """
            version: 1
            networks: {eth1: {}}
            systems: {a: a}
            https: yes
            https-port: 444
            groups: {g: {https: yes}}
            nodes:
              n1: {macs: [52:54:00:12:34:56], https: no}
              n2: {macs: [52:54:00:12:34:57], https: yes, group: g}

            """
        #expect(
            Self.complaints(site) == [
                "s.yaml:4:8: `https`: there is no HTTPS without `https-certificate`",
                "s.yaml:5:13: `https-port`: there is no HTTPS without `https-certificate`",
                "s.yaml:6:21: `groups.g.https`: there is no HTTPS without `https-certificate`",
                "s.yaml:9:42: `nodes.n2.https`: there is no HTTPS without `https-certificate`",
            ])
        #expect(Self.complaints(site + "https-certificate: pki/boot.pem\n").isEmpty)
        #expect(
            Self.complaints(site + "https-certificate: b\nhttp-port: 444\n") == [
                "s.yaml:5:13: `https-port`: 444 is the port for HTTP, too"
            ])
        let read = try Site.read(
            "lab/s.yaml", directory: "/",
            files: RepositoryFiles.texts(["lab/s.yaml": site + "https-certificate: pki/boot.pem\n"]))
        #expect(read.offersHTTPS && read.https?.port == 444)
        #expect(read.https?.certificate.path == "lab/pki/boot.pem" && read.https?.key == read.https?.certificate)
        #expect(read.settings(of: try #require(read.node(named: "n1"))).https == false)
    }

    @Test func `what needs a new start is told from nodes, groups, unknown machines and places in a file`() throws {
        let text = """
            version: 1
            networks: {eth1: {dhcp: proxy}}
            systems: {s: x}
            unknown: {answer: nothing}

            """
        func frame(_ text: String) throws -> Site {
            try Site.read("s.yaml", directory: "/", files: RepositoryFiles.texts(["s.yaml": text])).frame
        }
        let first = try frame(text)
        let more = text.replacingOccurrences(of: "answer: nothing", with: "answer: menu, system: s")
        #expect(try frame("# a line more\n\(more)nodes: {a: {macs: [52:54:00:12:34:56], system: s}}\n") == first)
        for (old, new) in [
            ("proxy", "full"), ("eth1", "eth2"), ("s: x", "s: y"), ("version: 1", "version: 1\nhttp-port: 81"),
        ] {
            #expect(try frame(text.replacingOccurrences(of: old, with: new)) != first, "\(new)")
        }
    }

    @Test func `a node's own choices lie over its group's`() throws {
        let site = try Self.site("everything.yaml")
        let first = site.settings(of: try #require(site.node(named: "n1")))
        #expect(first.system == "kiosk" && first.hostname == "First")
        #expect(first.kernelParameters == ["a=1", "b=2"])
        #expect(first.files.map(\.file.path) == ["/etc/issue", "/etc/key", "/etc/motd"])
        #expect(first.files.map(\.isSecret) == [false, true, false])
        #expect(first.files[0].file.source == .file("/lab/issue"))
        #expect(first.files[2].file.source == .text("own\n") && first.files[2].file.mode == 0o600)
        let third = site.settings(of: try #require(site.node(named: "n3")))
        #expect(third.system == "lab-node" && third.hostname == "n3" && third.files.count == 2)
        #expect(site.settings(of: try #require(site.node(named: "n2"))).system == nil)
    }

    @Test func `a secret is its owner's to read unless a mode is given, and a link is none`() throws {
        let text = """
            version: 1
            networks: {eth1: {}}
            nodes:
              a:
                macs: [52:54:00:00:00:01]
                files:
                  /etc/a: {text: x, secret: yes}
                  /etc/b: {text: x, secret: yes, mode: "0640"}
                  /etc/c: {text: x}

            """
        let site = try Site.read("s.yaml", directory: "/", files: RepositoryFiles.texts(["s.yaml": text]))
        #expect(site.nodes[0].settings.files.map(\.file.mode) == [0o600, 0o640, 0o644])
        #expect(site.nodes[0].settings.files[1].position.description == "s.yaml:8:7")
        #expect(
            Self.complaints(text + "      /etc/d: {link: x, secret: yes}\n") == [
                "s.yaml:10:33: `nodes.a.files./etc/d.secret`: a symbolic link has nothing to hide; "
                    + "make what it points to the secret"
            ])
    }

    @Test func `what nodes' files hold is read whole, and every one that cannot be is named where it is written`()
        throws
    {
        let text = """
            version: 1
            networks: {eth1: {}}
            groups:
              g: {files: {/etc/shared: {source: shared}}}
            nodes:
              a: {macs: [52:54:00:00:00:01], group: g, files: {/etc/a: {source: sub/a}, /etc/b: {text: x, secret: yes}}}
              b: {macs: [52:54:00:00:00:02], group: g, files: {/etc/a: {source: sub/a, secret: yes}}}

            """
        let site = try Site.read("s.yaml", directory: "/lab", files: RepositoryFiles.texts(["s.yaml": text]))
        func contents(_ files: [String: FileContent]) throws(ConfigurationError) -> NodeFileContents {
            try NodeFileContents(of: site) { files[$0] ?? .missing }
        }
        func complaints(_ files: [String: FileContent]) -> [String] {
            do throws(ConfigurationError) {
                _ = try contents(files)
                return []
            } catch {
                return error.problems.map(\.description)
            }
        }
        func bytes(_ count: Int) -> FileContent { .bytes([UInt8](repeating: 1, count: count)) }
        let read = try contents(["/lab/shared": .bytes([1, 0]), "/lab/sub/a": .bytes([2])])
        #expect(site.settings(of: site.nodes[0]).files.map { read.bytes(of: $0.file) } == [[2], [120], [1, 0]])
        #expect(
            complaints(["/lab/shared": .unreadable("permission denied")]) == [
                "s.yaml:4:15: `groups.g.files./etc/shared`: cannot read `/lab/shared`: permission denied",
                "s.yaml:6:52: `nodes.a.files./etc/a`: no such file: `/lab/sub/a`",
                "s.yaml:7:52: `nodes.b.files./etc/a`: no such file: `/lab/sub/a`",
            ])
        #expect(
            complaints(["/lab/shared": bytes(NodeFileContents.largestFile + 1), "/lab/sub/a": bytes(1)]) == [
                "s.yaml:4:15: `groups.g.files./etc/shared`: `/lab/shared` is over 1.0 MiB, the most that a node's own "
                    + "file may have; put it into the system"
            ])
        #expect(
            complaints(["/lab/shared": bytes(700 << 10), "/lab/sub/a": bytes(400 << 10)]) == [
                "s.yaml:6:3: `nodes.a.files`: its files, with its group's, hold 1.1 MiB, expected at most 1.0 MiB; "
                    + "put what is not its alone into the system",
                "s.yaml:7:3: `nodes.b.files`: its secret files, with its group's, hold 400 KiB, expected at most "
                    + "256 KiB; put what is not its alone into the system",
            ])
    }

    @Test func `a machine is known by card, by UUID in either byte order, and by serial number`() throws {
        let site = try Self.site("everything.yaml")
        let uuid = try #require(MachineUUID("4c4c4544-0042-3510-8054-b4c04f4d3132"))
        func known(_ mac: String?, _ uuid: MachineUUID? = nil, _ serial: String? = nil) -> String? {
            site.node(mac: mac.flatMap(MACAddress.init), uuid: uuid, serial: serial).map { "\($0.node.name) \($0.by)" }
        }
        #expect(known("52:54:00:ab:00:02") == "n1 mac")
        #expect(known("02:00:00:00:00:01", uuid) == "n1 uuid")
        #expect(known("02:00:00:00:00:01", uuid.swapped) == "n1 uuid")
        #expect(known("02:00:00:00:00:01", nil, "S2") == "n2 serial")
        // The card's address goes first.
        #expect(known("52:54:00:ab:00:03", uuid, "S2") == "n3 mac")
        #expect(known("02:00:00:00:00:01") == nil)
        #expect(uuid.swapped.description == "44454c4c-4200-1035-8054-b4c04f4d3132")
    }

    @Test func `one pass over a deliberately awful site and its nodes file reports everything`() throws {
        let error = try #require(throws: ConfigurationError.self) { try Self.site("awful.yaml") }
        let url = RepositoryFiles.root.appending(path: "\(Self.fixtures)/awful.txt")
        if ProcessInfo.processInfo.environment["BOOTFERRY_WRITE_REFERENCE"] != nil {
            try Data((error.description + "\n").utf8).write(to: url)
        }
        #expect(error.description + "\n" == (try String(contentsOf: url, encoding: .utf8)))
    }

    @Test func `a MAC address given to two nodes is refused with both places`() {
        let mac = "macs: [52:54:00:12:34:56]"
        let site = "version: 1\nnetworks: {eth1: {}}\nnodes:\n  a: {\(mac)}\n"
        #expect(
            Self.complaints(site + "  b: {\(mac)}\n") == [
                "s.yaml:5:14: `nodes.b.macs`: 52:54:00:12:34:56 is also that of node `a`, at s.yaml:4:14"
            ])
        #expect(
            Self.complaints(site, nodes: "version: 1\nnodes:\n  b: {\(mac)}\n") == [
                "nodes.yaml:3:14: `nodes.b.macs`: 52:54:00:12:34:56 is also that of node `a`, at s.yaml:4:14"
            ])
        #expect(
            Self.complaints(site, nodes: "version: 1\nnodes:\n  a: {serial: X}\n") == [
                "nodes.yaml:3:3: `nodes.a`: the node is also in s.yaml:4:3",
                "nodes.yaml:3:3: `nodes.a`: the hostname `a` is given twice, also at s.yaml:4:3",
            ])
    }

    @Test func `a site without networks, and one without interfaces, serve nothing and say so`() {
        #expect(
            Self.complaints("version: 1\n") == [
                "s.yaml:1:1: `networks`: the key is missing, expected a record keyed by an interface name"
            ])
        #expect(
            Self.complaints("version: 1\nnetworks: {}\n") == [
                "s.yaml:2:11: `networks`: no interface is named, so nothing would be served"
            ])
    }

    @Test func `the shipped site is read, names shipped systems, and its nodes file need not be there`() throws {
        let site = try Self.site("netboot/site.yaml", in: "")
        let shipped = try RepositoryFiles.names(in: "targets/systems")
        #expect(site.systems.allSatisfy { shipped.contains($0.name) && $0.source == $0.name })
        #expect(site.nodesPath == "netboot/nodes.yaml")
        #expect(!site.nodes.isEmpty)
    }

    @Test func `sites and systems are told apart by what they say`() throws {
        func kind(_ path: String) throws -> ConfigurationFileKind {
            guard case .bytes(let bytes) = RepositoryFiles.reader()(path) else { throw CocoaError(.fileNoSuchFile) }
            return ConfigurationFileKind(of: bytes)
        }
        #expect(try kind("netboot/site.yaml") == .site)
        #expect(try kind("\(Self.fixtures)/awful.yaml") == .site)
        #expect(try kind("targets/systems/lab-node/system.yaml") == .system)
        #expect(ConfigurationFileKind(of: Array("{".utf8)) == .system)
    }

    @Test func `thousands of mutations of a site are read or refused, never a trap`() throws {
        guard case .bytes(let whole) = RepositoryFiles.reader(Self.fixtures)("everything.yaml") else { return }
        var random = SeededGenerator(seed: 11)
        for _ in 0..<2000 {
            let bytes = random.mutated(whole, most: 5, tokens: MutationTokens.yaml)
            _ = try? Site.read("s.yaml", directory: "/") { $0 == "s.yaml" ? .bytes(bytes) : .missing }
        }
    }
}
