import BootPolicy
import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// GRUB and PXELINUX as somebody else's set-up has them: dnsmasq is the network's DHCP server and gives the loader by TFTP of
/// its own; Bootferry serves no DHCP there, and the loader asks it for its configuration, kernel and initramfs.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct ForeignLoaderTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, its state directory, the loader that dnsmasq
    /// names, and the machine's command line.
    private static let script = #"""
        set -eu
        bootferry=$0 folder=$1 state=$2 loader=$3
        shift 3
        ip link set lo up
        ip tuntap add tap0 mode tap
        ip address add 10.77.0.1/24 dev tap0
        ip address add 10.77.0.2/24 dev tap0
        ip link set tap0 up
        "$bootferry" serve "$folder/site.yaml" --state-dir "$state" >"$folder/served" 2>&1 &
        server=$!
        until grep -q 'serving on' "$folder/served"; do kill -0 $server; sleep 1; done
        # Whose TFTP is on another address than ours, and who says nothing of us.
        dnsmasq --no-daemon --conf-file=/dev/null --port=0 --user=root --listen-address=10.77.0.2 --bind-interfaces \
            --dhcp-range=10.77.0.60,10.77.0.99 --dhcp-leasefile="$folder/leases" --log-dhcp \
            --enable-tftp --tftp-root="$folder/tftp" --dhcp-boot="$loader",,10.77.0.2 >"$folder/dnsmasq" 2>&1 &
        timeout 600 "$@" >"$folder/console" 2>&1 &
        machine=$!
        n=0
        until grep -q ': booted in' "$folder/served"; do
            n=$((n + 1)); [ $n -lt 400 ] || exit 1; kill -0 $machine || exit 1; sleep 1
        done
        # It says so before the record is on disk, and a server that is killed need not write what no machine was told.
        kill $server; wait $server
        """#

    private static func boot(
        _ firmware: String, httpPort: Int, loader: String, prepare: (FilePath) async throws -> Void
    ) async throws -> (served: String, attempt: BootAttempt?) {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            let system = try TestSystem(in: folder)
            _ = try await program.build(system.file)
            let site = """
                version: 1
                networks: {tap0: {dhcp: "off"}}
                http-port: \(httpPort)
                systems: {minimal: \(system.file)}
                nodes:
                  bench-01: {macs: [52:54:00:12:34:56], system: minimal, kernel-parameters: ["bench='one'"]}
                """
            try site.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
            let files = folder.appending("tftp")
            try FileManager.default.createDirectory(
                atPath: files.appending("grub").string, withIntermediateDirectories: true)
            try await prepare(files)
            let (platform, machine) = try labMachine(firmware, in: folder)
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", Self.script]
                    + [BootferryProgram.path.string, folder.string, program.stateDirectory.string, loader]
                    + [platform.qemuProgram] + machine.arguments)
            func said(_ name: String) -> String {
                (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
            }
            try #require(
                done.succeeded,
                "\(done.output)\n\(done.messages)\n\(said("served"))\n\(said("dnsmasq"))\n\(said("console"))")
            let list = try await program.run("boots", "52:54:00:12:34:56", "--last", "1", "--json")
            return (said("served"), try JSONDecoder().decode([BootAttempt].self, from: Data(list.output.utf8)).first)
        }
    }

    @Test func `Debian's signed GRUB of another server boots a node over UEFI PXE, by TFTP`() async throws {
        let (served, attempt) = try await Self.boot("uefi", httpPort: 8080, loader: "grubnetx64.efi") { files in
            try FileManager.default.copyItem(
                atPath: "/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed",
                toPath: files.appending("grubnetx64.efi").string)
            // All that its owner adds: this image asks for no name that tells the machine.
            try "configfile (tftp,10.77.0.1)/grub/grub.cfg\n".write(
                toFile: files.appending("grub/grub.cfg").string, atomically: false, encoding: .utf8)
        }
        #expect(served.contains("minimal on 52:54:00:12:34:56: GRUB asks"), "\(served)")
        #expect(served.contains("initrd by TFTP: "), "\(served)")
        #expect(attempt?.outcome == .booted)
    }

    @Test func `PXELINUX of another server boots a BIOS machine that is told apart by its card, by HTTP`() async throws
    {
        let (served, attempt) = try await Self.boot("bios", httpPort: 8080, loader: "lpxelinux.0") { files in
            for (file, name) in [
                ("/usr/lib/PXELINUX/lpxelinux.0", "lpxelinux.0"),
                ("/usr/lib/syslinux/modules/bios/ldlinux.c32", "ldlinux.c32"),
            ] {
                try FileManager.default.copyItem(atPath: file, toPath: files.appending(name).string)
            }
            try FileManager.default.createDirectory(
                atPath: files.appending("pxelinux.cfg").string, withIntermediateDirectories: true)
            // All that its owner adds.
            try """
            DEFAULT bootferry
            LABEL bootferry
              CONFIG http://10.77.0.1:8080/pxelinux.cfg

            """.write(toFile: files.appending("pxelinux.cfg/default").string, atomically: false, encoding: .utf8)
        }
        #expect(served.contains("minimal on 52:54:00:12:34:56: PXELINUX asks"), "\(served)")
        #expect(served.contains("initrd by HTTP: "), "\(served)")
        #expect(attempt?.outcome == .booted)
    }

    @Test func `a GRUB made for this server boots a BIOS machine by its own search, by HTTP`() async throws {
        let (served, attempt) = try await Self.boot("bios", httpPort: 80, loader: "core.0") { files in
            let made = try await execute([
                "grub-mkimage", "--format=i386-pc-pxe", "--output=\(files.appending("core.0"))",
                "--prefix=(tftp,10.77.0.1)/grub", "pxe", "tftp", "http", "normal", "linux", "configfile", "test",
                "echo",
                "sleep", "reboot", "minicmd",
            ])
            try #require(made.succeeded, "\(made.messages)")
        }
        #expect(served.contains("minimal on 52:54:00:12:34:56: GRUB asks"), "\(served)")
        #expect(served.contains("initrd by HTTP: "), "\(served)")
        #expect(attempt?.outcome == .booted)
    }
}
