import Diagnostics
import StoreModel

/// Whose word counts: the public keys that a store trusts, and those it no longer does.
public struct KeyRing: Sendable, Equatable {
    /// By name; a name stands for one key.
    public private(set) var trusted: [String: PublicKey] = [:]
    public private(set) var revoked: [String: Set<PublicKey>] = [:]

    public init(trusted: [PublicKey] = [], revoked: [PublicKey] = []) throws(StoreModelError) {
        for key in revoked { self.revoked[key.name, default: []].insert(key) }
        for key in trusted { try trust(key) }
    }

    /// The longest name of a key that is kept here.
    public static let maximumNameCount = 100

    /// Throws unless a key of this name can be a file on any file system: letters, digits and `.-_+`, not '.' first.
    public static func checkName(_ name: String) throws(StoreModelError) {
        let isAllowed = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "+"):
                true
            default: false
            }
        }
        guard isAllowed, !name.isEmpty, name.utf8.count <= maximumNameCount, !name.hasPrefix(".") else {
            throw StoreModelError(
                "'\(name.prefix(200))'", "cannot be a key's name", kind: .usage,
                remedy:
                    "1 to \(maximumNameCount) letters, digits and '.-_+', beginning with no '.'; such as example.org-1")
        }
    }

    /// Throws where the key was revoked, or another of its name is trusted.
    public mutating func trust(_ key: PublicKey) throws(StoreModelError) {
        try KeyRing.checkName(key.name)
        if revoked[key.name]?.contains(key) ?? false {
            throw StoreModelError(
                "'\(key.name)'", "this key was revoked, and is never trusted again", kind: .usage,
                remedy: "sign with a new key, and trust that one")
        }
        if let known = trusted[key.name], known != key {
            throw StoreModelError(
                "'\(key.name)'", "another key of this name is trusted: \(known)", kind: .usage,
                remedy: "bootferry key revoke \(key.name), if this one takes its place")
        }
        trusted[key.name] = key
    }

    /// Throws where no key of this name is trusted.
    public mutating func revoke(_ name: String) throws(StoreModelError) {
        guard let key = trusted.removeValue(forKey: name) else {
            let nearest =
                nearestSpelling(to: name, among: trusted.keys.sorted()).map { "; did you mean '\($0)'?" } ?? ""
            throw StoreModelError(
                "'\(name.prefix(200))'", "no key of this name is trusted\(nearest)", kind: .usage,
                remedy: "bootferry key list")
        }
        revoked[name, default: []].insert(key)
    }

    /// What the signatures of a text are worth.
    public enum Verdict: Sendable, Equatable {
        /// By this key, which is trusted.
        case valid(by: String)
        case unsigned
        /// Names a trusted key, and is not its signature of this text.
        case wrong(key: String)
        /// By a key that was revoked.
        case revoked(key: String)
        /// By keys that nobody here trusts.
        case untrusted(keys: [String])
    }

    /// One valid signature by a trusted key is enough; otherwise the gravest thing that can be said.
    public func judge(_ signatures: [Signature], of text: String) -> Verdict {
        if signatures.isEmpty { return .unsigned }
        for signature in signatures where trusted[signature.keyName]?.isValid(signature, of: text) ?? false {
            return .valid(by: signature.keyName)
        }
        for signature in signatures
        where revoked[signature.keyName]?.contains(where: { $0.isValid(signature, of: text) }) ?? false {
            return .revoked(key: signature.keyName)
        }
        if let named = signatures.first(where: { trusted[$0.keyName] != nil }) { return .wrong(key: named.keyName) }
        return .untrusted(keys: signatures.map(\.keyName))
    }
}

extension KeyRing.Verdict {
    public var isValid: Bool { if case .valid = self { true } else { false } }

    /// Whether somebody pretends to be who he is not, or a key is used that no longer counts.
    public var isForged: Bool {
        switch self {
        case .wrong, .revoked: true
        case .valid, .unsigned, .untrusted: false
        }
    }

    /// What is wrong, for "'X': …"; nil where nothing is.
    public var fault: String? {
        switch self {
        case .valid: nil
        case .unsigned: "is not signed"
        case .wrong(let key): "the signature that names the key '\(key)' is not that key's: altered, or made by another"
        case .revoked(let key): "is signed by the key '\(key)', which was revoked"
        case .untrusted(let keys):
            "is signed by \(keys.prefix(4).map { "'\($0.prefix(100))'" }.joined(separator: ", ")), which is not trusted here"
        }
    }

    /// What to do about it.
    public var remedy: String? {
        switch self {
        case .valid: nil
        case .unsigned: "export it with a key: bootferry key generate NAME, then export again"
        case .wrong: "do not use it; export it again, and compare 'bootferry key list' of both sites"
        case .revoked: "export it again with another key"
        case .untrusted:
            "if that is the key of who made it, by 'bootferry key list' there: bootferry key trust NAME:BASE64"
        }
    }
}
