import MediumModel
import StoreModel
import Testing

@Suite struct KeyRingTests {
    let own: SigningKey
    let other: SigningKey

    init() throws {
        own = try SigningKey(name: "home-1", seed: Array(0..<32))
        other = try SigningKey(name: "home-1", seed: Array(1..<33))
    }

    @Test func `one valid signature by a trusted key is enough`() throws {
        let stranger = try SigningKey(name: "stranger", seed: Array(2..<34))
        let ring = try KeyRing(trusted: [own.publicKey])
        #expect(try ring.judge([stranger.sign("x"), own.sign("x")], of: "x") == .valid(by: "home-1"))
        #expect(try ring.judge([stranger.sign("x")], of: "x") == .untrusted(keys: ["stranger"]))
        #expect(ring.judge([], of: "x") == .unsigned)
    }

    @Test func `a signature of another text, or by another key of that name, is wrong`() throws {
        let ring = try KeyRing(trusted: [own.publicKey])
        #expect(try ring.judge([own.sign("y")], of: "x") == .wrong(key: "home-1"))
        #expect(try ring.judge([other.sign("x")], of: "x") == .wrong(key: "home-1"))
    }

    @Test func `a revoked key counts no more and comes back no more`() throws {
        var ring = try KeyRing(trusted: [own.publicKey])
        try ring.revoke("home-1")
        #expect(try ring.judge([own.sign("x")], of: "x") == .revoked(key: "home-1"))
        #expect(throws: StoreModelError.self) { try ring.trust(own.publicKey) }
        try ring.trust(other.publicKey)
        #expect(try ring.judge([other.sign("x")], of: "x") == .valid(by: "home-1"))
    }

    @Test func `a name stands for one key`() throws {
        var ring = try KeyRing(trusted: [own.publicKey])
        try ring.trust(own.publicKey)
        #expect(throws: StoreModelError.self) { try ring.trust(other.publicKey) }
    }

    @Test(arguments: ["", ".hidden", "a/b", "..", "a b", "a:b", "é", String(repeating: "x", count: 101)])
    func `what cannot be a file's name cannot be a key's`(name: String) {
        #expect(throws: StoreModelError.self) { try KeyRing.checkName(name) }
    }

    @Test func `the nearest name is offered`() throws {
        var ring = try KeyRing(trusted: [own.publicKey])
        let error = #expect(throws: StoreModelError.self) { try ring.revoke("home-2") }
        #expect(error?.message == "no key of this name is trusted; did you mean 'home-1'?")
    }
}
