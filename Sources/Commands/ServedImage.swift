import BootPolicy
import FileFormats
import Foundation
import NetbootServer
import SystemModel
import SystemPackage

extension BuiltImage {
    /// What the boot server gives out of this image.
    func served() throws -> ServedSystem {
        var head: [UInt8]?
        if let stub = manifest.loaders[ServedSystem.stubName] {
            let file = try FileDescriptor.open(physical(stub), .readOnly, options: .closeOnExec)
            head = try file.closeAfter {
                // The headers of a PE file are in its first page.
                try [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                    count = try file.read(fromAbsoluteOffset: 0, into: UnsafeMutableRawBufferPointer(buffer))
                }
            }
        }
        return try ServedSystem(
            manifest: manifest, generation: generation.number, stubHead: head, openFirmware: openFirmwareHeaders())
    }

    private func openFirmwareHeaders() throws -> ELF.File? {
        guard let part = manifest.loaders[ServedSystem.openFirmwareName] else { return nil }
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
