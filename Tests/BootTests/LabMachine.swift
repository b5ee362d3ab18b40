import Foundation
import SystemModel
import SystemPackage
import TestSupport
import Testing

@testable import Commands

/// The machine that tests boot on tap0 when not `bootferry boot` but a server of their own serves it; its firmware's
/// variables are in place.
func labMachine(
    _ firmware: String, of platform: String = "x86_64", in folder: FilePath
) throws -> (platform: Platform, machine: QEMUMachine) {
    let platform = try ProjectData(named: BootferryProgram.checkout.string).platform(platform)
    let machine = QEMUMachine(
        platform: platform, firmware: try #require(platform.firmware.first { $0.name == firmware }), memory: 1024,
        macAddress: "52:54:00:12:34:56", tap: "tap0", accelerator: "tcg", isInteractive: false, scratch: folder)
    try machine.prepareVariables()
    return (platform, machine)
}
