import Carrying
import Foundation
import Glibc
import LocalStore
import StoreModel
import SystemPackage
import Testing

@Suite struct KeyStoreTests {
    @Test func `a key that is made signs, is trusted, and is its owner's alone`() throws {
        try withKeys { keys, folder in
            let made = try keys.generate("home-1", seed: Array(0..<32))
            #expect(try keys.signingKey(nil).publicKey == made)
            #expect(try keys.ring().trusted == ["home-1": made])
            #expect(mode(folder.appending("keys")) == 0o700)
            #expect(mode(folder.appending("keys/secret")) == 0o700)
            #expect(mode(folder.appending("keys/secret/home-1")) == 0o600)
            #expect(throws: CarryingError.self) { try keys.generate("home-1", seed: Array(1..<33)) }
        }
    }

    @Test func `a secret key that others may read is refused`() throws {
        try withKeys { keys, folder in
            _ = try keys.generate("home-1", seed: Array(0..<32))
            chmod(folder.appending("keys/secret/home-1").string, 0o644)
            let error = #expect(throws: CarryingError.self) { try keys.signingKey(nil) }
            #expect(error?.message == "others may read this secret key: mode 644, expected 600")
        }
    }

    @Test func `which key signs must be said where there are several`() throws {
        try withKeys { keys, _ in
            #expect(throws: CarryingError.self) { try keys.signingKey(nil) }
            _ = try keys.generate("home-1", seed: Array(0..<32))
            _ = try keys.generate("home-2", seed: Array(1..<33))
            #expect(throws: CarryingError.self) { try keys.signingKey(nil) }
            #expect(try keys.signingKey("home-2").name == "home-2")
            #expect(throws: CarryingError.self) { try keys.signingKey("home-3") }
        }
    }

    @Test func `a revoked key neither signs nor is trusted, also after a kill between the two`() throws {
        try withKeys { keys, folder in
            let made = try keys.generate("home-1", seed: Array(0..<32))
            _ = try keys.revoke("home-1")
            // As a kill would leave it.
            try Data("\(made)\n".utf8).write(to: URL(filePath: folder.appending("keys/trusted/home-1").string))
            #expect(try keys.ring().trusted.isEmpty)
            #expect(throws: StoreModelError.self) { try keys.trust(made) }
            #expect(throws: CarryingError.self) { try keys.signingKey("home-1") }
            #expect(access(folder.appending("keys/secret/home-1").string, F_OK) != 0)
        }
    }

    private func mode(_ path: FilePath) -> mode_t {
        var status = stat()
        return lstat(path.string, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    private func withKeys(_ body: (KeyStore, FilePath) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "bootferry-keys-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(KeyStore(StateDirectory(FilePath(folder.path))), FilePath(folder.path))
    }
}
