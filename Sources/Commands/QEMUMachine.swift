import Foundation
import SystemModel
import SystemPackage

/// The firmware that a local QEMU boots with, and so the path through the boot server that it tries.
typealias Firmware = Platform.Firmware

/// The command line of a diskless QEMU node on one tap: what every node has, then what the platform's file says of it.
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
    /// A folder for the copy of the firmware's variables, removed with it.
    var scratch: FilePath

    /// Where the machine's own copy of the firmware's variables must lie before it starts.
    var variables: FilePath { scratch.appending("variables.fd") }

    var arguments: [String] {
        let processor = accelerator == "kvm" ? "host" : platform.qemuProcessor
        // Emulated, one processor: with two, a kernel that patches its code now and then runs into its own breakpoint
        // on the other one, and oopses (`Oops: int3`, QEMU 7.2).
        let processors = accelerator == "kvm" ? "2" : "1"
        let common = [
            "-accel", accelerator, "-smp", processors, "-m", String(memory), "-nodefaults", "-display", "none",
            "-no-reboot",
            "-serial", isInteractive ? "mon:stdio" : "stdio", "-device", "virtio-rng",
            "-netdev", "tap,id=n0,ifname=\(tap),script=no,downscript=no",
        ]
        let own = firmware.arguments.map {
            $0.replacing("{mac}", with: macAddress).replacing("{variables}", with: variables.string)
        }
        return common + (processor.map { ["-cpu", $0] } ?? []) + own
    }

    /// Puts the machine's copy of the firmware's variables in place.
    func prepareVariables() throws {
        guard let original = firmware.variables else { return }
        do {
            try FileManager.default.copyItem(atPath: original, toPath: variables.string)
        } catch {
            throw CommandError(
                kind: .host, subject: original, message: "cannot be copied", cause: "\(error)",
                remedy: "bootferry doctor")
        }
    }
}
