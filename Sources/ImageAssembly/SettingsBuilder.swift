import Building
import Foundation
import SystemModel
import SystemPackage

/// `builtin:settings`: the last segment: what the user configured, what init must delete and mark, and the sentinel that says the
/// root is whole.
///
/// Environment: `settings` (a `NodeSettings` as JSON), `catalogue` (of all segments before this one), `configuration` (the
/// configure step's output), `toolbox`, and `services` (the services step's output; may be absent). Runs in this process,
/// and for a large segment the compressor: this is the path from a changed line to a bootable image.
public struct SettingsBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let settings = try JSONDecoder().decode(NodeSettings.self, from: Data(try request.require("settings").utf8))
        let configuration = request.physical(try request.require("configuration"))
        let toolbox = Toolbox(root: request.physical(try request.require("toolbox")))
        let catalogue = Catalogue(directory: request.physical(try request.require("catalogue")))
        let services = request.derivation.environment["services"].map { request.physical($0) }
        try await toolbox.makeSegment(named: "settings", in: request.output, storedUpTo: 128 << 10) { writer in
            var composition = try SettingsComposition(
                settings: settings, configuration: configuration, catalogue: catalogue, services: services,
                writer: writer, physical: request.physical)
            try composition.run()
        }
    }
}

/// The settings segment's entries, in order.
struct SettingsComposition {
    let settings: NodeSettings
    let configuration: FilePath
    let services: FilePath?
    let writer: SegmentWriter
    /// Where a logical path lies.
    let physical: (String) -> FilePath
    private var accounts: Accounts
    private let carried: CarriedPaths
    private let catalogue: Catalogue
    private var made: Set<String> = []
    /// What segments carry and the node has not: configuring, or a switched-off service, took it away.
    private let removals: Set<String>

    init(
        settings: NodeSettings, configuration: FilePath, catalogue: Catalogue, services: FilePath?,
        writer: SegmentWriter, physical: @escaping (String) -> FilePath
    ) throws {
        self.physical = physical
        self.settings = settings
        self.configuration = configuration
        self.services = services
        self.writer = writer
        func account(_ name: String) throws -> String { try Tree.text(configuration.appending("accounts/\(name)")) }
        accounts = Accounts(
            passwd: try account("passwd"), group: try account("group"), shadow: try account("shadow"),
            gshadow: try account("gshadow"))
        self.catalogue = catalogue
        carried = try catalogue.contents()
        let unlinked = try services.map { try Tree.text($0.appending("removals")).split(separator: "\n") } ?? []
        removals = Set((try catalogue.removals() + unlinked).map(String.init))
    }

    mutating func run() throws {
        for user in settings.users { try accounts.set(user) }
        for file in accounts.files {
            try put("etc/\(file.name)", Array(file.text.utf8), permissions: file.permissions, group: file.group)
        }
        try identity()
        try network()
        for user in settings.users { try home(of: user) }
        if let services { try links(of: services) }
        for file in settings.files { try write(file) }
        var removals = removals.subtracting(made)
        // init deletes a directory with all that is in it.
        for path in made {
            var parent = path[...]
            while let slash = parent.lastIndex(of: "/") {
                parent = parent[..<slash]
                removals.remove(String(parent))
            }
        }
        try directory("usr/lib/bootferry")
        try put("usr/lib/bootferry/system", Array("\(settings.system)\n".utf8))
        try put("usr/lib/bootferry/removals", Array(removals.sorted().map { $0 + "\n" }.joined().utf8))
        try put("usr/lib/bootferry/capabilities", Array(try capabilities().utf8))
        // Last of all: where this is, everything before it was unpacked.
        try put("usr/lib/bootferry/complete", Array("\(settings.system)\n".utf8))
    }

    private mutating func identity() throws {
        try put("etc/hostname", Array("\(settings.hostname)\n".utf8))
        let short = settings.hostname.split(separator: ".").first.map(String.init) ?? settings.hostname
        let names = short == settings.hostname ? short : "\(settings.hostname) \(short)"
        try put(
            "etc/hosts",
            Array(
                """
                127.0.0.1 localhost
                127.0.1.1 \(names)
                ::1 localhost ip6-localhost ip6-loopback
                ff02::1 ip6-allnodes
                ff02::2 ip6-allrouters

                """.utf8))
        let locale = Array("LANG=\(settings.locale)\n".utf8)
        try put("etc/locale.conf", locale)
        try put("etc/default/locale", locale)
        let zone = "usr/share/zoneinfo/\(settings.timeZone)"
        if !["UTC", "Etc/UTC"].contains(settings.timeZone), carried.kind(of: zone) == nil {
            throw BuildError(
                kind: .usage, subject: settings.timeZone, message: "is no time zone of the system's packages",
                remedy: "add the package 'tzdata', or check the name against /usr/share/zoneinfo")
        }
        try put("etc/timezone", Array("\(settings.timeZone)\n".utf8))
        try link("etc/localtime", to: "/\(zone)")
    }

    private mutating func network() throws {
        switch settings.network {
        case nil: break
        case .dhcp:
            // By MAC address, as the firmware asked before: one node, one lease.
            try put(
                "etc/systemd/network/80-bootferry.network",
                Array(
                    """
                    [Match]
                    Type=ether
                    Kind=!*

                    [Network]
                    DHCP=yes

                    [DHCPv4]
                    ClientIdentifier=mac
                    UseDomains=yes

                    """.utf8))
        case .fixed(let interfaces):
            for (index, interface) in interfaces.enumerated() {
                let isAddress = interface.match.split(separator: ":").count == 6
                var lines = ["[Match]", "\(isAddress ? "MACAddress" : "Name")=\(interface.match)", "", "[Network]"]
                lines += interface.addresses.map { "Address=\($0)" }
                if let gateway = interface.gateway { lines.append("Gateway=\(gateway)") }
                lines += interface.nameServers.map { "DNS=\($0)" }
                try put(
                    "etc/systemd/network/70-bootferry-\(index).network",
                    Array(lines.map { $0 + "\n" }.joined().utf8))
            }
            let servers = interfaces.flatMap(\.nameServers)
            if !servers.isEmpty, carried.kind(of: "usr/lib/systemd/systemd-resolved") == nil {
                try put("etc/resolv.conf", Array(servers.map { "nameserver \($0)\n" }.joined().utf8))
            }
        }
    }

    private mutating func home(of user: UserAccount) throws {
        let uid = try accounts.userNumber(user.name)
        let gid = try accounts.primaryGroup(of: user.name)
        guard let home = try CanonicalPath.of(String(user.home.drop { $0 == "/" }), in: user.name) else { return }
        if !isThere(home) {
            try parents(of: home)
            try writer.directory(home, permissions: 0o700, owner: uid, group: gid)
            made.insert(home)
            let skeleton = configuration.appending("skel")
            for name in try FileManager.default.contentsOfDirectory(atPath: skeleton.string).sorted() {
                var status = stat()
                guard lstat(skeleton.appending(name).string, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                try put("\(home)/\(name)", try Tree.read(skeleton.appending(name)), owner: uid, group: gid)
            }
        }
        if !user.sshKeys.isEmpty {
            try writer.directory("\(home)/.ssh", permissions: 0o700, owner: uid, group: gid)
            made.insert("\(home)/.ssh")
            try put(
                "\(home)/.ssh/authorized_keys", Array(user.sshKeys.map { $0 + "\n" }.joined().utf8), permissions: 0o600,
                owner: uid, group: gid)
        }
    }

    /// Writes the links of the services step.
    private mutating func links(of services: FilePath) throws {
        for line in try Tree.text(services.appending("links")).split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1).map(String.init)
            if parts.count == 2 { try link(parts[0], to: parts[1]) }
        }
    }

    private mutating func write(_ file: NodeSettings.File) throws {
        guard let path = try CanonicalPath.of(String(file.path.drop { $0 == "/" }), in: settings.system) else {
            throw BuildError(kind: .usage, subject: file.path, message: "is no place for a file of a configuration")
        }
        if let target = file.linkTarget { return try link(path, to: target) }
        let permissions = UInt32(truncatingIfNeeded: file.mode) & 0o7777
        let (owner, group) = (try accounts.userNumber(file.owner), try accounts.groupNumber(file.group))
        if let source = file.source {
            try parents(of: path)
            try writer.copy(physical(source), to: path, permissions: permissions, owner: owner, group: group)
            made.insert(path)
        } else {
            try put(path, Array((file.text ?? "").utf8), permissions: permissions, owner: owner, group: group)
        }
    }

    private func capabilities() throws -> String {
        let found = try catalogue.capabilities()
        guard let first = found.first?.path else { return "" }
        guard carried.kind(of: "usr/sbin/setcap") != nil else {
            throw BuildError(
                kind: .usage, subject: first,
                message: "needs a file capability, and the system has no 'setcap' to give it at boot",
                remedy: "add the package 'libcap2-bin'")
        }
        return try found.map {
            "\(try FileCapabilities.text(hexadecimal: $0.attribute, path: $0.path))\t\($0.path)\n"
        }.joined()
    }

    private mutating func put(
        _ path: String, _ contents: [UInt8], permissions: UInt32 = 0o644, owner: UInt32 = 0, group: UInt32 = 0
    ) throws {
        try parents(of: path)
        try writer.file(path, contents, permissions: permissions, owner: owner, group: group)
        made.insert(path)
    }

    private mutating func link(_ path: String, to target: String) throws {
        try parents(of: path)
        try writer.link(path, to: target)
        made.insert(path)
    }

    private func isThere(_ path: String) -> Bool {
        made.contains(path) || carried.kind(of: path) != nil && !removals.contains(path)
    }

    private mutating func directory(_ path: String) throws {
        if isThere(path) { return }
        try parents(of: path)
        try writer.directory(path)
        made.insert(path)
    }

    /// Makes what no segment carries; an entry for a directory that is there would reset its owner and mode.
    private mutating func parents(of path: String) throws {
        let parent = path.split(separator: "/").dropLast().joined(separator: "/")
        if !parent.isEmpty { try directory(parent) }
    }
}
