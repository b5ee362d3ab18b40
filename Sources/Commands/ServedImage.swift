import BootPolicy
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
        return try ServedSystem(manifest: manifest, generation: generation.number, stubHead: head)
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
