import BootProtocols
import SystemModel

/// Which client gets what: the one place that decides it, for DHCP, TFTP and HTTP alike; as one interface of a site's
/// server sees it.
public struct BootPolicy: Sendable {
    public typealias UEFILoader = SystemModel.UEFILoader

    public var serverAddress: IPv4Address
    public var httpPort: Int
    /// Nil where there is no HTTPS.
    public var httpsPort: Int?
    /// Where it answers a client that asks over IPv6: files are named by this address then.
    public var ipv6Address: IPv6Address?
    /// True beside another DHCP server: clients that do not boot from the network are left to it.
    public var isProxy: Bool
    public var site: Site { didSet { fixedAddresses = Set(site.nodes.compactMap(\.address)) } }
    /// Addresses of nodes, which nobody else is lent.
    public private(set) var fixedAddresses: Set<IPv4Address>
    /// The site's systems, by name.
    public var systems: [String: ServedSystem]
    public var templates: NetbootTemplates
    /// By system, what may be given out of it; a system that is not here has the one generation that is named.
    public var generations: [String: ServedGenerations] = [:]
    /// What is known of the machines that have asked.
    public var seen = Sightings()
    /// What nodes get of their own; nil gives them their systems alone.
    public var provisions: NodeProvisions?

    public init(
        serverAddress: IPv4Address, httpPort: Int, isProxy: Bool = false, site: Site,
        systems: [String: ServedSystem], templates: NetbootTemplates
    ) {
        self.serverAddress = serverAddress
        self.httpPort = httpPort
        self.isProxy = isProxy
        self.site = site
        fixedAddresses = Set(site.nodes.compactMap(\.address))
        self.systems = systems
        self.templates = templates
    }

    /// One system for every machine, or nothing for any.
    public init(
        serverAddress: IPv4Address, httpPort: Int, uefiLoader: UEFILoader = .uki, isProxy: Bool = false,
        everyone: ServedSystem?, templates: NetbootTemplates
    ) {
        self.init(
            serverAddress: serverAddress, httpPort: httpPort, isProxy: isProxy,
            site: .serving(everyone?.manifest.system, uefiLoader: uefiLoader),
            systems: everyone.map { [$0.manifest.system: $0] } ?? [:], templates: templates)
    }

    /// Where HTTP clients find us. An IP literal: UEFI HTTP Boot need not have a resolver.
    public var serverURL: String {
        httpPort == 80 ? "http://\(host)" : "http://\(host):\(httpPort)"
    }

    /// The same by HTTPS; nil where there is none.
    public var secureURL: String? {
        httpsPort.map { $0 == 443 ? "https://\(host)" : "https://\(host):\($0)" }
    }

    private var host: String { ipv6Address.map { "[\($0)]" } ?? "\(serverAddress)" }

    /// The answer to a client; `attempt` names its boot and stands in every file name, so that each later request
    /// can be told whose it is.
    public func offer(to request: BootRequest, attempt: String) -> BootOffer {
        guard request.client != .plain else {
            return isProxy
                ? BootOffer(
                    .ignored(reason: "it does not boot from the network, and another server gives addresses"), why: [])
                : BootOffer(.addressOnly, why: ["a running system: an address and nothing to boot"])
        }
        let choice = choice(for: request.machine)
        var offer = offer(choice, to: request, attempt: attempt)
        offer.why = choice.why + offer.why
        // SLOF asks for these options in its DHCPREQUEST only, and once it has a configuration's name it fetches no boot file:
        // it would look for that configuration, but not where there is a boot file too, and so fetches nothing (its E3407).
        if request.wantsConfiguration, ![.iPXE, .openFirmware, .s390].contains(request.client),
            case .boot = offer.answer
        {
            offer.options += [
                DHCP.Option(.configurationFile, BootFileName.pxelinuxName),
                DHCP.Option(.pathPrefix, "boot/\(attempt)/"),
            ]
            offer.why.append("it asks for PXELINUX's options (209, 210)")
        }
        return offer
    }

    private func offer(_ choice: BootChoice, to request: BootRequest, attempt: String) -> BootOffer {
        guard let system = choice.system else {
            return nothing(choice.reason ?? "there is nothing for it", for: request)
        }
        if request.client == .uBoot { return uBootOffer(request, system, attempt) }
        let architecture = request.architecture ?? .bios
        guard let boot = system.boot(of: architecture) else {
            return nothing(
                "\(architecture) cannot run \"\(system.manifest.system)\" (\(system.manifest.platform))", for: request)
        }
        let needsScript = choice.needsScript
        let secure = usesHTTPS(choice) ? secureURL : nil
        // It cannot be asked whether it knows TLS.
        let how = secure == nil ? "HTTP" : "HTTPS, as the site says"
        if request.client == .uefiHTTP, !boot.isUEFI {
            return nothing("\(architecture) boots by HTTP and is no UEFI, which is not served yet", for: request)
        }
        switch request.client {
        case .iPXE:
            return BootOffer(
                .boot("\(serverURL)/\(BootFileName(attempt: attempt, file: .script).text(for: system))"),
                // iPXE heeds a proxy's offer only from "PXEClient".
                vendorClass: isProxy ? "PXEClient" : nil,
                // no-pxedhcp: do not wait for further PXE servers, which costs seconds on every boot.
                options: [DHCP.Option(.ipxe, DHCP.encapsulate([(176, [1])], end: false))],
                why: ["iPXE (option 77): a boot script by HTTP"])
        case .uefiHTTP where needsScript:
            guard let ipxe = boot.ipxe, system.manifest.loaders[ipxe] != nil else {
                return lacking(boot.ipxe ?? "an iPXE", for: request)
            }
            return BootOffer(
                .boot(
                    "\(secure ?? serverURL)/\(BootFileName(attempt: attempt, file: .loader(ipxe)).text(for: system))"
                ),
                vendorClass: "HTTPClient",
                why: ["\(request.name): \(ipxe) by \(how), which then asks again as iPXE: only it shows a menu"])
        case .uefiHTTP:
            guard system.stub != nil else { return lacking(boot.stub ?? "a UEFI stub", for: request) }
            return BootOffer(
                .boot(
                    "\(secure ?? serverURL)/\(BootFileName(attempt: attempt, file: .unifiedKernel).text(for: system))"),
                vendorClass: "HTTPClient", why: ["\(architecture) (option 93): a unified kernel image by \(how)"])
        case .pxe where !boot.isUEFI || site.uefiLoader == .ipxe || needsScript:
            return loader(boot, request, system, attempt)
        case .pxe:
            guard system.stub != nil else { return lacking(boot.stub ?? "a UEFI stub", for: request) }
            return BootOffer(
                .boot(BootFileName(attempt: attempt, file: .unifiedKernel).text(for: system)), vendorClass: "PXEClient",
                options: discoveryControl(boot),
                why: ["\(architecture) (option 93): a unified kernel image by TFTP"])
        case .openFirmware:
            guard system.openFirmware != nil else { return lacking(boot.program ?? "a program", for: request) }
            return BootOffer(
                .boot(BootFileName(attempt: attempt, file: .openFirmware).text(for: system)),
                why: ["\(request.name): a program with kernel, command line and initramfs by TFTP"])
        case .s390:
            return BootOffer(
                .boot(BootFileName.text(of: "", in: attempt)),
                why: ["\(request.name): a configuration of PXELINUX's, kernel and initramfs by TFTP"])
        case .uBoot, .grub, .pxelinux, .plain: return nothing("\(request.name) is not served yet", for: request)
        }
    }

    /// U-Boot says of itself what its maker set: on PowerPC nothing but its name. So a system for a board is taken to be meant.
    private func uBootOffer(_ request: BootRequest, _ system: ServedSystem, _ attempt: String) -> BootOffer {
        if let architecture = request.architecture, let row = architecture.row, system.boot(of: architecture) == nil {
            return nothing(
                "\(row.name) cannot run \"\(system.manifest.system)\" (\(system.manifest.platform))", for: request)
        }
        guard system.manifest.uBoot != nil || system.uBootAddress != nil else {
            return nothing(
                "\(request.name) needs a system with a 'board', and \"\(system.manifest.system)\" has none",
                for: request)
        }
        let what = system.manifest.uBoot.map { "a script for \($0.board)" } ?? "a script for UEFI"
        return BootOffer(
            .boot(BootFileName(attempt: attempt, file: .uBootScript).text(for: system)),
            why: ["\(request.name) (option 60): \(what) by TFTP, which loads and starts the rest"])
    }

    /// Whether a machine's firmware is named `https` URLs: its node says so, its group, or the site.
    private func usesHTTPS(_ choice: BootChoice) -> Bool { choice.settings?.https ?? site.offersHTTPS }

    /// A proxy is silent; who lends addresses still lends one, so that the machine's owner finds it on the network.
    private func nothing(_ reason: String, for request: BootRequest) -> BootOffer {
        isProxy
            ? BootOffer(.ignored(reason: reason), why: [])
            : BootOffer(.addressOnly, why: ["\(reason): an address and nothing to boot"])
    }

    /// PXE 2.1's discovery control (option 43, sub-option 6, bit 3): take the boot file named here and look for no other
    /// boot server.
    ///
    /// EDK2 that sees `PXEClient` without option 43 takes the sender for a BINL server and asks it again on UDP 4011: right
    /// behind a proxy, where it must not see 43; from a full server it would wait there for ever.
    private func discoveryControl(_ boot: Platform.Boot) -> [DHCP.Option] {
        isProxy && boot.isUEFI
            ? [] : [DHCP.Option(.vendorSpecific, DHCP.encapsulate([(6, [8])], end: true))]
    }

    private func loader(
        _ boot: Platform.Boot, _ request: BootRequest, _ system: ServedSystem, _ attempt: String
    ) -> BootOffer {
        guard let name = boot.ipxe, system.manifest.loaders[name] != nil else {
            return lacking(boot.ipxe ?? "an iPXE", for: request)
        }
        return BootOffer(
            .boot(BootFileName(attempt: attempt, file: .loader(name)).text(for: system)), vendorClass: "PXEClient",
            options: discoveryControl(boot),
            why: ["\(request.name): \(name) by TFTP, which then asks again as iPXE"])
    }

    private func lacking(_ loader: String, for request: BootRequest) -> BootOffer {
        nothing("\(request.name) needs \"\(loader)\", which the image does not carry", for: request)
    }
}

extension Site {
    /// The site of a server that gives every machine one system, or none.
    public static func serving(_ system: String?, uefiLoader: UEFILoader = .uki) -> Site {
        Site(
            path: "", networks: [],
            systems: system.map {
                [SiteSystem(name: $0, source: $0, position: .init(file: "", line: 1, column: 1))]
            } ?? [],
            unknown: UnknownMachines(answer: system == nil ? .nothing : .system, system: system),
            uefiLoader: uefiLoader)
    }
}
