import SystemModel
import SystemPackage

/// The firmware that a local QEMU boots with, and so the path through the boot server that it tries.
typealias Firmware = Platform.FirmwareKind

/// The command line of a diskless QEMU node on one tap.
///
/// Program and machine are the platform's; the processor and the three kinds of firmware are what x86_64 PCs have.
struct QEMUMachine {
    var platform: Platform
    var firmware: Firmware
    /// MiB.
    var memory: Int
    var macAddress: String
    var tap: String
    /// `tcg` or `kvm`.
    var accelerator: String
    /// Whether a person sits at the console; Ctrl-A X then ends the machine.
    var isInteractive: Bool
    /// A folder for the copy of the UEFI variables, removed with it.
    var scratch: FilePath

    /// The Debian package `ovmf` of 12 and 13; the 4M build is the one that both have.
    static let ovmfCode: FilePath = "/usr/share/OVMF/OVMF_CODE_4M.fd"
    static let ovmfVariables: FilePath = "/usr/share/OVMF/OVMF_VARS_4M.fd"

    /// Where the machine's own copy of the UEFI variables must lie before it starts.
    var variables: FilePath { scratch.appending("OVMF_VARS.fd") }

    var arguments: [String] {
        let common = [
            // QEMU 7.2's TCG loses the flags after cmpxchg16b: Debian 13's kernels then oops at random places.
            "-accel", accelerator, "-cpu", accelerator == "kvm" ? "host" : "max,-cx16", "-smp", "2",
            "-m", String(memory), "-nodefaults", "-display", "none", "-no-reboot", "-serial",
            isInteractive ? "mon:stdio" : "stdio",
            "-device", "virtio-rng-pci",
            "-netdev", "tap,id=n0,ifname=\(tap),script=no,downscript=no",
        ]
        switch firmware {
        case .bios:
            return common + [
                "-machine", "\(platform.qemuMachine),graphics=off", "-boot", "n",
                "-device", "virtio-net-pci,netdev=n0,mac=\(macAddress),bootindex=0",
            ]
        case .uefi, .uefiHTTP:
            // With its option ROM the card would bring QEMU's iPXE, which replaces EDK2's PXE and HTTP.
            let card = "virtio-net-pci,netdev=n0,mac=\(macAddress),romfile=,bootindex=0"
            // EDK2 tries PXE first, and without an answer takes minutes to fall through to HTTP.
            let onlyHTTP = [
                "-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=n",
                "-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=n",
            ]
            return common + [
                "-machine", platform.qemuMachine,
                "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=\(Self.ovmfCode)",
                "-drive", "if=pflash,format=raw,unit=1,file=\(variables)",
                "-device", card,
            ] + (firmware == .uefiHTTP ? onlyHTTP : [])
        }
    }
}
