import BootProtocols
import SystemModel

/// A DHCP server of somebody else's, which can name this server to the machines that boot.
public enum ForeignServer: String, Sendable, CaseIterable {
    case dnsmasq, kea, dhcpd, mikrotik
}

extension BootPolicy {
    /// The lines that make another DHCP server send machines here. Such a server tells every machine the same, so this one
    /// cannot tell nodes apart: what unknown machines get is what all get.
    public func configuration(of server: ForeignServer, tftpPort: Int) -> String {
        let system = anySystem?.manifest.system ?? "SYSTEM"
        let names = (
            bios: "undionly.kpxe", uefi: site.uefiLoader == .uki ? "\(system).efi" : "snponly.efi",
            http: "\(site.offersHTTPS ? secureURL ?? serverURL : serverURL)/\(system).efi",
            script: "\(serverURL)/\(BootFileName.scriptName)"
        )
        let port = tftpPort == 69 ? "" : "\nTFTP is on port \(tftpPort) here, and firmware asks on 69 only."
        switch server {
        case .dnsmasq:
            return """
                # dnsmasq.conf: machines that boot from the network are sent to \(serverAddress).\(comment(port))
                dhcp-match=set:ipxe,175
                dhcp-match=set:uefi,option:client-arch,7
                dhcp-match=set:uefi,option:client-arch,9
                dhcp-match=set:http,option:client-arch,16
                dhcp-boot=tag:!ipxe,tag:!uefi,tag:!http,\(names.bios),,\(serverAddress)
                dhcp-boot=tag:!ipxe,tag:uefi,\(names.uefi),,\(serverAddress)
                dhcp-boot=tag:!ipxe,tag:http,\(names.http)
                dhcp-option-force=tag:http,60,HTTPClient
                dhcp-boot=tag:ipxe,\(names.script)
                # No further PXE servers: iPXE would wait for them.
                dhcp-option=tag:ipxe,encap:175,176,1b
                """
        case .kea:
            return """
                // kea-dhcp4.conf, inside "Dhcp4": machines that boot from the network are sent to \(serverAddress).\(comment(port, "//"))
                "client-classes": [
                  { "name": "ipxe", "test": "option[77].hex == 'iPXE' or option[77].hex == 0x0469505845",
                    "boot-file-name": "\(names.script)" },
                  { "name": "uefi-http", "test": "not member('ipxe') and option[93].hex == 0x0010",
                    "boot-file-name": "\(names.http)",
                    "option-data": [ { "name": "vendor-class-identifier", "data": "HTTPClient", "always-send": true } ] },
                  { "name": "uefi", "test": "not member('ipxe') and (option[93].hex == 0x0007 or option[93].hex == 0x0009)",
                    "next-server": "\(serverAddress)", "boot-file-name": "\(names.uefi)" },
                  { "name": "bios", "test": "not member('ipxe') and option[93].hex == 0x0000",
                    "next-server": "\(serverAddress)", "boot-file-name": "\(names.bios)" }
                ]
                """
        case .dhcpd:
            return """
                # dhcpd.conf: machines that boot from the network are sent to \(serverAddress).\(comment(port))
                option arch code 93 = unsigned integer 16;
                if exists user-class and (option user-class = "iPXE" or substring(option user-class, 1, 4) = "iPXE") {
                  filename "\(names.script)";
                } elsif option arch = 00:10 {
                  option vendor-class-identifier "HTTPClient";
                  filename "\(names.http)";
                } elsif option arch = 00:07 or option arch = 00:09 {
                  next-server \(serverAddress);
                  filename "\(names.uefi)";
                } else {
                  next-server \(serverAddress);
                  filename "\(names.bios)";
                }
                """
        case .mikrotik:
            return """
                # RouterOS 7: machines that boot from the network are sent to \(serverAddress).\(comment(port))
                # Change "lan" to the name of your DHCP server, and the network to yours.
                /ip dhcp-server network set [find] next-server=\(serverAddress) boot-file-name="\(names.bios)"
                /ip dhcp-server option add name=bf-script code=67 value="'\(names.script)'"
                /ip dhcp-server option add name=bf-uefi code=67 value="'\(names.uefi)'"
                /ip dhcp-server option sets add name=bf-script options=bf-script
                /ip dhcp-server option sets add name=bf-uefi options=bf-uefi
                /ip dhcp-server matcher add name=bf-ipxe server=lan code=77 matching-type=exact value="'iPXE'" option-set=bf-script
                /ip dhcp-server matcher add name=bf-uefi server=lan code=93 matching-type=exact value="0x0007" option-set=bf-uefi
                """
        }
    }

    private func comment(_ text: String, _ mark: String = "#") -> String {
        text.isEmpty ? "" : text.split(separator: "\n").map { "\n\(mark) \($0)" }.joined()
    }
}
