import LocalStore
import OpenSSL
import StoreModel

extension LocalStore {
    /// Gives an object's archive to `emit`; one that is not what was registered throws, after some of it was given at least.
    func writeWhole(
        _ registration: PathRegistration, to emit: @escaping (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        func damaged(_ how: String) -> CarryingError {
            CarryingError(
                "'\(registration.path)'", "is damaged in the store: \(how)", kind: .corrupt,
                remedy: "bootferry verify --repair")
        }
        let digest = SHA256()
        var count = 0
        try writeArchive(of: registration.path) { bytes in
            digest.update(bytes)
            count += bytes.count
            guard count <= registration.narSize else { throw damaged("it has grown") }
            try emit(bytes)
        }
        guard count == registration.narSize else { throw damaged("it has shrunk") }
        let found = Digest(finishing: digest)
        guard found == registration.narHash else {
            throw damaged("NAR digest \(found), expected \(registration.narHash)")
        }
    }
}
