import Foundation
import SystemModel
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// The machine that tests boot on tap0 when not `bootferry boot` but a server of their own serves it; its firmware's
/// variables are in place.
func labMachine(_ firmware: Firmware, in folder: FilePath) throws -> (platform: Platform, machine: QEMUMachine) {
    let platforms = try ProjectData(named: BootferryProgram.checkout.string).platforms()
    let platform = try #require(platforms.first { $0.name == "x86_64" })
    let machine = QEMUMachine(
        platform: platform, firmware: firmware, memory: 1024, macAddress: "52:54:00:12:34:56", tap: "tap0",
        accelerator: "tcg", isInteractive: false, scratch: folder)
    if firmware != .bios {
        try FileManager.default.copyItem(atPath: QEMUMachine.ovmfVariables.string, toPath: machine.variables.string)
    }
    return (platform, machine)
}
