import Foundation
import Subprocess
import SystemPackage
import TestSupport
import Testing

/// A medium that `bootferry image` wrote boots a machine that has no network card, to its login prompt.
@Suite(.serialized, .timeLimit(.minutes(60)))
struct BootMediaTests {
    enum Machine: String, CaseIterable {
        case biosDisk, biosStick, biosDisc, uefiDisk, uefiStick, uefiDisc

        func arguments(_ medium: FilePath, variables: FilePath) -> [String] {
            let drive = "if=none,id=medium,format=raw,readonly=on,file=\(medium)"
            let own: [String] =
                switch self {
                case .biosDisk, .uefiDisk: ["-drive", drive, "-device", "virtio-blk-pci,drive=medium,bootindex=0"]
                case .biosStick, .uefiStick:
                    ["-device", "qemu-xhci", "-drive", drive, "-device", "usb-storage,drive=medium,bootindex=0"]
                case .biosDisc, .uefiDisc: ["-drive", drive, "-device", "ide-cd,drive=medium,bootindex=0"]
                }
            return own
                + (isUEFI
                    ? [
                        "-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
                        "-drive", "if=pflash,format=raw,unit=1,file=\(variables)",
                    ] : [])
        }

        var isUEFI: Bool { rawValue.hasPrefix("uefi") }
    }

    /// Three machines in every run; the others read the same sectors by other drivers of their firmware.
    private static let machines: [Machine] =
        ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == nil
        ? [.biosDisk, .biosDisc, .uefiStick] : Machine.allCases

    @Test(arguments: machines)
    func `a medium boots without a network`(_ machine: Machine) async throws {
        try await withTemporaryFolder { folder in
            let medium = folder.appending("medium")
            let made = try await BootferryProgram.shared.run(
                "image", "minimal", "--format", "usb", "--output", medium.string)
            try #require(made.succeeded, "\(made.messages)")
            let variables = folder.appending("variables.fd")
            if machine.isUEFI {
                try FileManager.default.copyItem(
                    atPath: "/usr/share/OVMF/OVMF_VARS_4M.fd", toPath: variables.string)
            }
            let console = try await boot(machine.arguments(medium, variables: variables))
            #expect(console.contains("Linux version"), "no kernel\n\(console.suffix(3000))")
            #expect(console.contains("login:"), "no login prompt\n\(console.suffix(3000))")
            #expect(console.contains("Failed to start") == false, "\(console.suffix(3000))")
        }
    }

    /// Runs the machine until its login prompt, or until time is up.
    private func boot(_ own: [String]) async throws -> String {
        let machine = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max,-cx16", "-m", "1024", "-machine", "q35", "-nodefaults",
            "-display", "none", "-no-reboot", "-serial", "stdio", "-nic", "none",
        ]
        let result = try await Subprocess.run(
            .name("timeout"), arguments: Arguments(["600"] + machine + own), input: .none, output: .sequence,
            error: .discarded
        ) { execution in
            var console = ""
            for try await buffer in execution.standardOutput {
                console += buffer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                if console.contains("login:") { break }
            }
            try? execution.send(signal: .terminate)
            return console
        }
        return result.closureResult
    }
}
