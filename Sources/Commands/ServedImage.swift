import BootPolicy
import FileFormats
import Foundation
import NetbootServer
import SystemModel
import SystemPackage

extension BuiltImage {
    /// What the boot server gives out of this image.
    ///
    /// - Parameter platforms: Those there are; its own says how such machines boot.
    func served(_ platforms: [Platform]) throws -> ServedSystem {
        guard let boots = platforms.first(where: { $0.name == manifest.platform })?.boots else {
            throw CommandError(
                subject: manifest.system, message: "is for '\(manifest.platform)', a platform that has no file here",
                remedy: "put its file into targets/platforms")
        }
        var head: [UInt8]?
        if let stub = boots.stubName.flatMap({ manifest.loaders[$0] }) {
            let file = try FileDescriptor.open(physical(stub), .readOnly, options: .closeOnExec)
            head = try file.closeAfter {
                // The headers of a PE file are in its first page.
                try [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                    count = try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
        }
        return try ServedSystem(
            manifest: manifest, generation: generation.number, boots: boots, stubHead: head,
            openFirmware: openFirmwareHeaders(boots))
    }

    private func openFirmwareHeaders(_ boots: [Platform.Boot]) throws -> ELF.File? {
        guard let part = boots.program(of: manifest) else { return nil }
        let file = try FileDescriptor.open(physical(part), .readOnly, options: .closeOnExec)
        return try file.closeAfter {
            try ELF.read(size: part.size) { offset, count in
                try [UInt8](unsafeUninitializedCapacity: min(count, max(0, part.size - offset))) { buffer, filled in
                    filled = try file.read(
                        fromAbsoluteOffset: Int64(offset), into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
        }
    }
}

extension NetbootSurroundings {
    /// The host's clock and randomness.
    static let host: NetbootSurroundings = {
        // The wall clock only once: when it is set, leases and silences must not jump.
        let start = ContinuousClock.now
        let wall = Duration.nanoseconds(Int64(Date().timeIntervalSince1970 * 1e9))
        return NetbootSurroundings(
            now: { wall + (ContinuousClock.now - start) },
            newIdentifier: { String(UInt64.random(in: .min ... .max), radix: 36) })
    }()
}
