import BootProtocols
import SystemModel

/// Which client gets what: the one place that decides it, for DHCP, TFTP and HTTP alike.
public struct BootPolicy: Sendable {
    public typealias UEFILoader = SystemModel.UEFILoader

    public var serverAddress: IPv4Address
    public var httpPort: Int
    public var uefiLoader: UEFILoader
    /// True beside another DHCP server: clients that do not boot from the network are left to it.
    public var isProxy: Bool
    /// What a machine gets that has no system of its own; nil for nothing.
    public var everyone: ServedSystem?
    public var nodes: [MACAddress: ServedSystem]
    public var templates: NetbootTemplates
    /// By system, what may be given out of it; a system that is not here has the one generation that is named.
    public var generations: [String: ServedGenerations] = [:]
    /// The group of a node that is in one.
    public var groups: [MACAddress: String] = [:]

    public init(
        serverAddress: IPv4Address, httpPort: Int, uefiLoader: UEFILoader = .uki, isProxy: Bool = false,
        everyone: ServedSystem?, nodes: [MACAddress: ServedSystem] = [:], templates: NetbootTemplates
    ) {
        self.serverAddress = serverAddress
        self.httpPort = httpPort
        self.uefiLoader = uefiLoader
        self.isProxy = isProxy
        self.everyone = everyone
        self.nodes = nodes
        self.templates = templates
    }

    /// Where HTTP clients find us. An IP literal: UEFI HTTP Boot need not have a resolver.
    public var serverURL: String { httpPort == 80 ? "http://\(serverAddress)" : "http://\(serverAddress):\(httpPort)" }

    public func system(for mac: MACAddress) -> ServedSystem? { nodes[mac] ?? everyone }

    /// The answer to a client; `attempt` names its boot and stands in every file name, so that each later request
    /// can be told whose it is.
    public func offer(to request: BootRequest, attempt: String) -> BootOffer {
        guard request.client != .plain else {
            return isProxy
                ? BootOffer(
                    .ignored(reason: "it does not boot from the network, and another server gives addresses"), why: [])
                : BootOffer(.addressOnly, why: ["a running system: an address and nothing to boot"])
        }
        guard let system = system(for: request.mac) else {
            return BootOffer(.ignored(reason: "no system is served to \(request.mac)"), why: [])
        }
        let architecture = request.architecture ?? .bios
        guard architecture.isX64 else {
            return BootOffer(
                .ignored(
                    reason: "\(architecture) cannot run \"\(system.manifest.system)\" (\(system.manifest.platform))"),
                why: [])
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
        case .uefiHTTP:
            guard system.stub != nil else { return lacking(ServedSystem.stubName, for: request) }
            return BootOffer(
                .boot("\(serverURL)/\(BootFileName(attempt: attempt, file: .unifiedKernel).text(for: system))"),
                vendorClass: "HTTPClient", why: ["\(architecture) (option 93): a unified kernel image by HTTP"])
        case .pxe where architecture == .bios: return loader("undionly.kpxe", request, system, attempt)
        case .pxe where uefiLoader == .ipxe: return loader("snponly.efi", request, system, attempt)
        case .pxe:
            guard system.stub != nil else { return lacking(ServedSystem.stubName, for: request) }
            return BootOffer(
                .boot(BootFileName(attempt: attempt, file: .unifiedKernel).text(for: system)), vendorClass: "PXEClient",
                options: discoveryControl(architecture),
                why: ["\(architecture) (option 93): a unified kernel image by TFTP"])
        case .uBoot, .plain:
            return BootOffer(.ignored(reason: "\(request.name) is not served yet"), why: [])
        }
    }

    /// PXE 2.1's discovery control (option 43, sub-option 6, bit 3): take the boot file named here and look for no other
    /// boot server.
    ///
    /// EDK2 that sees `PXEClient` without option 43 takes the sender for a BINL server and asks it again on UDP 4011: right
    /// behind a proxy, where it must not see 43; from a full server it would wait there for ever.
    private func discoveryControl(_ architecture: ClientArchitecture) -> [DHCP.Option] {
        isProxy && architecture != .bios
            ? [] : [DHCP.Option(.vendorSpecific, DHCP.encapsulate([(6, [8])], end: true))]
    }

    private func loader(_ name: String, _ request: BootRequest, _ system: ServedSystem, _ attempt: String) -> BootOffer
    {
        guard system.manifest.loaders[name] != nil else { return lacking(name, for: request) }
        return BootOffer(
            .boot(BootFileName(attempt: attempt, file: .loader(name)).text(for: system)), vendorClass: "PXEClient",
            options: discoveryControl(request.architecture ?? .bios),
            why: ["\(request.name): \(name) by TFTP, which then asks again as iPXE"])
    }

    private func lacking(_ loader: String, for request: BootRequest) -> BootOffer {
        BootOffer(.ignored(reason: "\(request.name) needs \"\(loader)\", which the image does not carry"), why: [])
    }
}
