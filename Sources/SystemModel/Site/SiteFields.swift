import BootProtocols

/// The keys of a `site.yaml` and of the nodes file beside it.
enum SiteFields {
    static let version = Field("version", .text(.version), default: nil, "The version of this format.")

    static let ranges = Field(
        "ranges", .list(of: .text(.addressRange)),
        default: "the upper half of the interface's network; none for a relayed network",
        "Addresses that are lent to machines without one of their own.")
    static let router = Field("router", .text(.address4), default: "none", "The router that clients are told of.")
    static let nameServers = Field(
        "name-servers", .list(of: .text(.address4)), default: "none", "DNS servers that clients are told of.")
    static let domain = Field("domain", .text(.hostname), default: "none", "The domain that clients are told of.")
    static let lease = Field(
        "lease", .text(.lengthOfTime), default: "`1 h`", "How long an address is lent: at least a minute.")
    static let lending = [ranges, router, nameServers, domain, lease]

    static let relayed = Field(
        "relayed", .map(keys: .network4, values: .record(lending)), default: "none",
        "Networks behind a DHCP relay, in CIDR notation: the relay's own address tells them apart.")
    static let address = Field(
        "address", .text(.address4), default: "the interface's first", "The address to serve from.")
    static let dhcp = Field(
        "dhcp", .text(TextKind("a DHCP mode", .choice(SiteNetwork.DHCPMode.allCases.map(\.rawValue)))),
        default: "`auto`",
        "`full` lends addresses, `proxy` gives boot data beside another DHCP server, `off` leaves DHCP alone, and `auto` is `proxy` where another server answers, else `full`."
    )
    static let authoritative = Field(
        "authoritative", .text(.yesOrNo), default: "`no`", "Lend addresses even where another DHCP server answers.")
    static let routerAdvertisements = Field(
        "router-advertisements", .text(.yesOrNo), default: "`no`",
        "Tell IPv6 hosts that no router is here, which saves iPXE 13 s a boot; never done as a proxy.")
    static let ipv6Prefix = Field(
        "ipv6-prefix", .text(.prefix6), default: "none",
        "Boot UEFI machines over IPv6 too, by HTTP and by PXE: DHCPv6 lends addresses of this network and names the boot file, and routers' questions are answered. The interface must have an address in it; never done as a proxy."
    )
    static let networks = Field(
        "networks",
        .map(
            keys: .interfaceName,
            values: .record([address, dhcp, authoritative, routerAdvertisements, ipv6Prefix] + lending + [relayed])),
        default: nil, "The interfaces to serve on; nothing is served on any other.")

    static let systems = Field(
        "systems", .map(keys: .systemName, values: .text(.hostPath)), default: "none",
        "The systems served, by their names: a path of a `system.yaml` or its folder, relative to this file, or the name of a system that Bootferry ships."
    )

    static let answer = Field(
        "answer", .text(TextKind("an answer", .choice(UnknownMachines.Answer.allCases.map(\.rawValue)))),
        default: "`nothing`", "`nothing`, a `system`, or a `menu` of the systems on the machine's own screen.")
    static let unknownSystem = Field(
        "system", .text(.systemName), default: "none",
        "The system, or what the menu boots when nobody chooses.")
    static let menuTime = Field(
        "menu-time", .text(.lengthOfTime), default: "`30 s`", "How long the menu waits before it boots its system.")
    static let unknown = Field(
        "unknown", .record([answer, unknownSystem, menuTime]), default: "nothing to boot",
        "What a machine gets that is none of the nodes.")

    static let secret = Field(
        "secret", .text(.yesOrNo), default: "`no`",
        "Give it once a boot, by that boot's token and not with the image; without `mode` only its owner may read it (`\"0600\"`)."
    )
    static let files = Field(
        "files",
        .map(
            keys: .absolutePath,
            values: .record([
                SystemFields.text, SystemFields.source, SystemFields.link, SystemFields.mode, SystemFields.owner,
                SystemFields.group, secret,
            ])),
        default: "none",
        "Files laid over the system's, by absolute path: 1 MiB for a node in all, and 256 KiB of secret ones.")
    static let kernelParameters = Field(
        "kernel-parameters", .list(of: .text(.kernelParameter)), default: "none",
        "Words for the kernel's command line, after the system's and the group's.")
    static let groupSystem = Field("system", .text(.systemName), default: "none", "The system its nodes boot.")
    static let choosesHTTPS = Field(
        "https", .text(.yesOrNo), default: "the group's, then the site's",
        "Name `https` URLs to UEFI HTTP Boot; a firmware without TLS, or that does not trust the certificate, then does not boot by HTTP."
    )
    static let groups = Field(
        "groups", .map(keys: .nodeName, values: .record([groupSystem, choosesHTTPS, kernelParameters, files])),
        default: "none",
        "What several nodes share, by a name of your own.")

    static let macs = Field(
        "macs", .list(of: .text(.mac)), default: "one of `macs`, `uuid` and `serial` must be given",
        "The addresses of the cards it may boot from.")
    static let uuid = Field("uuid", .text(.uuid), default: "see `macs`", "Its SMBIOS UUID, as `dmidecode` prints it.")
    static let serial = Field(
        "serial", .text(.serial), default: "see `macs`",
        "Its SMBIOS serial number; known only once iPXE runs, since DHCP has no word for it.")
    static let nodeSystem = Field(
        "system", .text(.systemName), default: "its group's; without one, it gets nothing to boot",
        "The system it boots.")
    static let hostname = Field("hostname", .text(.hostname), default: "the node's name", "What it calls itself.")
    static let group = Field("group", .text(.nodeName), default: "none", "The group whose choices hold for it.")
    static let nodeAddress = Field(
        "address", .text(.address4), default: "one of the range", "The address it always gets.")
    static let nodes = Field(
        "nodes",
        .map(
            keys: .nodeName,
            values: .record([
                macs, uuid, serial, nodeSystem, hostname, group, nodeAddress, choosesHTTPS, kernelParameters,
                files,
            ])),
        default: "none", "The machines of this site, by a name of your own.")

    static let nodesFile = Field(
        "nodes-file", .text(.hostPath), default: "`nodes.yaml`",
        "Where `bootferry node` keeps the nodes it adopts, relative to this file: a record of `version` and `nodes`.")
    static let httpPort = Field(
        "http-port", .text(TextKind("a port", .integer(1...65535))), default: "8080", "The port for HTTP.")
    static let offersHTTPS = Field(
        "https", .text(.yesOrNo), default: "`no`",
        "Name `https` URLs to UEFI HTTP Boot, whose firmware must trust the certificate; nodes and groups may say otherwise. Without it, HTTPS is there for who asks for it."
    )
    static let httpsCertificate = Field(
        "https-certificate", .text(.hostPath), default: "none: no HTTPS",
        "A PEM file: the server's certificate, made out to its addresses, then those that vouch for it; read when the server starts."
    )
    static let httpsKey = Field(
        "https-key", .text(.hostPath), default: "the file of `https-certificate`",
        "A PEM file: the certificate's private key, without a passphrase.")
    static let httpsPort = Field(
        "https-port", .text(TextKind("a port", .integer(1...65535))), default: "8443", "The port for HTTPS.")
    static let tftpPort = Field(
        "tftp-port", .text(TextKind("a port", .integer(1...65535))), default: "69",
        "The port for TFTP; firmware asks on 69.")
    static let uefiLoader = Field(
        "uefi-loader", .text(TextKind("a loader", .choice(UEFILoader.allCases.map(\.rawValue)))), default: "`uki`",
        "What UEFI machines get by PXE: `uki`, the system as one file, or `ipxe`, which then uses HTTP.")

    static let table = FieldTable(
        name: "site",
        purpose: "A `site.yaml` says which nodes and networks one boot server serves, and what each gets.",
        fields: [
            version, networks, systems, unknown, groups, nodes, nodesFile, httpPort, offersHTTPS, httpsCertificate,
            httpsKey, httpsPort, tftpPort, uefiLoader,
        ])
    /// The nodes file, which a program writes.
    static let nodesTable = [version, nodes]
}

extension TextKind {
    static let yesOrNo = TextKind("yes or no", .choice(["yes", "no"]))
    /// Linux's IFNAMSIZ, less the NUL.
    static let interfaceName = TextKind(
        "an interface name", detail: "such as `eth1`",
        .characters(first: "A-Za-z0-9_", rest: "A-Za-z0-9_.@-", length: 1...15))
    static let nodeName = TextKind(
        "a name", detail: "1 to 63 lower-case letters, digits, `-` and `.`",
        .characters(first: "a-z0-9", rest: "a-z0-9.-", length: 1...63))
    static let mac = TextKind(
        "a MAC address", detail: "such as `52:54:00:12:34:56`, of one card",
        .checked(pattern: "^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$") { MACAddress($0)?.isOfOneCard == true })
    static let uuid = TextKind(
        "a UUID", detail: "such as `4c4c4544-0042-3510-8054-b4c04f4d3132`",
        .checked(pattern: "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$") {
            MachineUUID($0)?.isMeaningful == true
        })
    static let serial = TextKind(
        "a serial number", detail: "1 to 64 letters, digits, `-`, `_` and `.`",
        // What needs no escape in the URL by which iPXE tells it.
        .characters(first: "A-Za-z0-9", rest: "A-Za-z0-9_.-", length: 1...64))
    static let address4 = TextKind(
        "an IPv4 address", detail: "such as `10.77.0.1`", .checked(pattern: "^[0-9.]+$") { ipv4($0) != nil })
    static let network4 = TextKind(
        "an IPv4 network", detail: "such as `10.78.0.0/24`, with no bits past the prefix",
        .checked(pattern: "^[0-9.]+/[0-9]{1,2}$") { IPv4Network($0) != nil })
    static let prefix6 = TextKind(
        "an IPv6 network of 64 bits", detail: "such as `fd00:77::/64`",
        .checked(pattern: "^[0-9A-Fa-f:]+/64$") { IPv6Prefix($0) != nil })
    static let addressRange = TextKind(
        "an address range", detail: "such as `10.77.0.100-10.77.0.199`, at most 65536 addresses",
        .checked(pattern: "^[0-9.]+-[0-9.]+$") { ipv4Range($0) != nil })
    static let lengthOfTime = TextKind(
        "a length of time", detail: "a whole number and `s`, `min`, `h` or `d`, such as `12 h`",
        .checked(pattern: "^(0|[1-9][0-9]{0,6}) ?(s|min|h|d)$") { lengthInSeconds($0) != nil })
}

/// A leading zero means octal to some readers: refused.
func ipv4(_ text: String) -> IPv4Address? {
    InternetAddress(text).flatMap { IPv4Address(bytes: $0.bytes) }
}

func ipv4Range(_ text: String) -> ClosedRange<IPv4Address>? {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { ipv4(String($0)) }
    guard ends.count == 2, let first = ends[0], let last = ends[1], first <= last, last.value - first.value < 1 << 16
    else { return nil }
    return first...last
}

/// Seconds in a text such as `90 s` or `12h`; nil for anything else, and past a year.
func lengthInSeconds(_ text: String) -> Int? {
    for (unit, factor) in [("min", 60), ("s", 1), ("h", 3600), ("d", 86400)] where text.hasSuffix(unit) {
        var digits = text.dropLast(unit.count)
        if digits.last == " " { digits.removeLast() }
        guard digits == "0" || digits.first != "0", (1...7).contains(digits.utf8.count),
            digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(digits),
            number * factor <= 366 * 86400
        else { return nil }
        return number * factor
    }
    return nil
}
