import Foundation
import MediumModel
import StoreModel
import SystemModel

/// A statement with signatures over it: DSSE 1.0 (github.com/secure-systems-lab/dsse), by Ed25519 keys.
public struct Envelope: Sendable, Equatable {
    /// What the payload is.
    public var payloadType: String
    public var payload: String
    public var signatures: [Signature]

    /// An in-toto statement (in-toto Attestation Framework v1).
    public static let statementType = "application/vnd.in-toto+json"
    private static let mostSignatures = 16

    /// Signs a statement.
    public init(statement: String, by key: SigningKey) throws(StoreModelError) {
        payloadType = Self.statementType
        payload = statement
        signatures = []
        signatures = [try key.sign(signedText)]
    }

    /// Reads an envelope; what names the file it came from is in errors.
    public init(parsing bytes: [UInt8], of file: String) throws(StoreModelError) {
        struct Form: Decodable {
            struct Signature: Decodable {
                var keyid: String
                var sig: String
            }
            var payloadType: String
            var payload: String
            var signatures: [Signature]
        }
        guard let form = try? JSONDecoder().decode(Form.self, from: Data(bytes)) else {
            throw StoreModelError("'\(file)'", "is no DSSE envelope: expected payload, payloadType and signatures")
        }
        guard form.payloadType == Self.statementType else {
            throw StoreModelError(
                "'\(file)'", "holds '\(form.payloadType.prefix(100))', expected '\(Self.statementType)'")
        }
        guard let content = Data(base64Encoded: form.payload), let text = String(validating: content, as: UTF8.self)
        else {
            throw StoreModelError("'\(file)'", "its payload is no UTF-8 text in base 64")
        }
        guard form.signatures.count <= Self.mostSignatures else {
            throw StoreModelError("'\(file)'", "has more than \(Self.mostSignatures) signatures")
        }
        payloadType = form.payloadType
        payload = text
        var signatures: [Signature] = []
        for signature in form.signatures {
            signatures.append(try Signature(parsing: "\(signature.keyid):\(signature.sig)"))
        }
        self.signatures = signatures
    }

    /// What is signed: DSSE's "pre-authentication encoding".
    var signedText: String {
        "DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.utf8.count) \(payload)"
    }

    /// What the signatures are worth.
    public func verdict(by ring: KeyRing) -> KeyRing.Verdict { ring.judge(signatures, of: signedText) }

    /// The file's content, ending in a line feed.
    public var text: String {
        let signatures = signatures.map { signature in
            JSONValue.record([("keyid", .text(signature.keyName)), ("sig", .text(Base64.encode(signature.bytes)))])
        }
        return JSONValue.record([
            ("payloadType", .text(payloadType)), ("payload", .text(Base64.encode(Array(payload.utf8)))),
            ("signatures", .list(signatures)),
        ]).line + "\n"
    }
}
