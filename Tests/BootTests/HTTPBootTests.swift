import BootPolicy
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// UEFI HTTP Boot in its other two ways, by HTTPS and over IPv6; and PXE over IPv6.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct HTTPBootTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, its state directory, and the machine's command
    /// line. Where the folder has `lends`, dnsmasq lends IPv4 addresses there, and knows nothing of booting.
    private static let script = #"""
        set -eu
        bootferry=$0 folder=$1 state=$2
        shift 2
        ip link set lo up
        ip tuntap add tap0 mode tap
        ip address add 10.77.0.1/24 dev tap0
        ip address add fd00:77::1/64 dev tap0 nodad
        ip link set tap0 up
        "$bootferry" serve "$folder/site.yaml" --state-dir "$state" >"$folder/served" 2>&1 &
        server=$!
        until grep -q 'serving on' "$folder/served"; do kill -0 $server; sleep 1; done
        [ ! -e "$folder/lends" ] || dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root \
            --dhcp-range=10.77.0.60,10.77.0.99 --dhcp-leasefile="$folder/leases" >"$folder/dnsmasq" 2>&1 &
        tshark -Q -i tap0 -w "$folder/packets" -f 'udp or icmp6' &
        timeout 600 "$@" >"$folder/console" 2>&1 &
        machine=$!
        n=0
        until grep -q ': booted in' "$folder/served"; do
            n=$((n + 1)); [ $n -lt 400 ] || exit 1; kill -0 $machine || exit 1; sleep 1
        done
        # It says so before the record is on disk, and a server that is killed need not write what no machine was told.
        kill $server; wait $server
        tshark -r "$folder/packets" -V -Y 'dhcpv6 && udp.srcport == 547' >"$folder/decoded" 2>/dev/null
        """#

    private static func boot(
        _ settings: String, lends: Bool = false, firmware: [String] = ["uefi-http"], authority: String? = nil,
        prepare: (FilePath) async throws -> Void
    ) async throws -> (served: String, decoded: String, attempt: BootAttempt?) {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            _ = try await program.build()
            try await prepare(folder)
            if lends { try Data().write(to: URL(filePath: folder.appending("lends").string)) }
            let site = """
                version: 1
                \(settings)
                systems: {minimal: \(BootferryProgram.minimal)}
                nodes: {bench-01: {macs: [52:54:00:12:34:56], system: minimal}}
                """
            try site.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
            let (platform, machine) = try labMachine(firmware[0], in: folder)
            // OVMF takes the authorities that it trusts from here.
            let trusts = authority.map {
                ["-fw_cfg", "name=etc/edk2/https/cacerts,file=\(folder.appending($0))"]
            }
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", Self.script]
                    + [BootferryProgram.path.string, folder.string, program.stateDirectory.string]
                    + [platform.qemuProgram] + machine.arguments + firmware.dropFirst() + (trusts ?? []))
            func said(_ name: String) -> String {
                (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
            }
            try #require(
                done.succeeded, "\(done.output)\n\(done.messages)\n\(said("served"))\n\(said("console"))")
            let list = try await program.run("boots", "52:54:00:12:34:56", "--last", "1", "--json")
            return (
                said("served"), said("decoded"),
                try JSONDecoder().decode([BootAttempt].self, from: Data(list.output.utf8)).first
            )
        }
    }

    /// UEFI's list of certificates (UEFI 2.10 section 32.4.1, EFI_SIGNATURE_LIST) with one in it.
    static func signatureList(_ certificate: [UInt8]) -> [UInt8] {
        func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        // EFI_CERT_X509_GUID, a5c059a1-94e4-4aa7-87b5-ab155c2bf072.
        let kind: [UInt8] = [
            0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
        ]
        let size = 16 + certificate.count
        return kind + number(28 + size) + number(0) + number(size) + [UInt8](repeating: 1, count: 16) + certificate
    }

    @Test func `UEFI HTTP Boot by HTTPS, whose firmware trusts the site's authority, to the phone-home`() async throws {
        let (served, _, attempt) = try await Self.boot(
            """
            https-certificate: server.crt
            https-key: server.key
            networks:
              tap0:
                {address: 10.77.0.1, dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110]}
            https: yes
            """, authority: "authority"
        ) { folder in
            let made = try await execute([
                "bash", "-c",
                """
                set -e; cd "$0"
                openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 9 -subj /CN=lab
                openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=boot
                echo subjectAltName=IP:10.77.0.1 >extensions
                openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 -extfile extensions \
                    -out server.crt
                openssl x509 -in ca.pem -outform DER -out ca.der
                """, folder.string,
            ])
            try #require(made.succeeded, "\(made.messages)")
            let certificate = try Data(contentsOf: URL(filePath: folder.appending("ca.der").string))
            try Data(Self.signatureList(Array(certificate))).write(
                to: URL(filePath: folder.appending("authority").string))
        }
        #expect(served.contains("and https://10.77.0.1:8443/boot/"), "\(served)")
        #expect(served.contains("minimal.efi by HTTPS: "), "\(served)")
        #expect(!served.contains("certificate is not made out"), "\(served)")
        #expect(attempt?.outcome == .booted)
    }

    @Test func `UEFI HTTP Boot over IPv6, beside an IPv4 server that knows nothing of booting, to the phone-home`()
        async throws
    {
        let (served, decoded, attempt) = try await Self.boot(
            "networks: {tap0: {dhcp: \"off\", ipv6-prefix: \"fd00:77::/64\"}}", lends: true
        ) { _ in }
        #expect(served.contains("offered http://[fd00:77::1]:8080/boot/"), "\(served)")
        #expect(served.contains("minimal.efi by HTTP: "), "\(served)")
        #expect(attempt?.outcome == .booted)
        #expect(
            attempt?.entries.contains { $0.event == .discovered(client: "UEFI HTTP Boot (x64 UEFI HTTP), IPv6") }
                == true)
        // What we sent, as another sees it.
        #expect(decoded.contains("Advertise (2)") && decoded.contains("Reply (7)"), "\(decoded)")
        #expect(decoded.contains("fd00:77::5054:ff:fe12:3456") && !decoded.contains("Malformed"), "\(decoded)")
    }

    @Test func `UEFI PXE over IPv6, by TFTP alone, to the phone-home`() async throws {
        let (served, decoded, attempt) = try await Self.boot(
            "networks: {tap0: {dhcp: \"off\", ipv6-prefix: \"fd00:77::/64\"}}", lends: true,
            firmware: ["uefi", "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n"]
        ) { _ in }
        #expect(served.contains("offered tftp://[fd00:77::1]/boot/"), "\(served)")
        #expect(served.contains("minimal.efi by TFTP: "), "\(served)")
        #expect(attempt?.outcome == .booted)
        #expect(decoded.contains("Advertise (2)") && !decoded.contains("Malformed"), "\(decoded)")
    }
}
