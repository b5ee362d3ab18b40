import Foundation
import StoreModel

/// `Fixtures/nix-vectors.json`.
struct Vectors: Decodable {
    struct Base32: Decodable { let hex, nix32: String }
    struct Compression: Decodable { let sha256, xor160: String }
    struct Archive: Decodable {
        let what, b64: String
        let size: Int
        let sha256Nix32: String
    }
    struct Addressed: Decodable {
        let name, oldPath, oldArchive, newPath, newArchive, caHash, fingerprint: String
        let selfOffsets: [Int]
        let narHash: String
        let narSize: Int

        // As the decoder's snake-case strategy spells `oldNar_b64`.
        enum CodingKeys: String, CodingKey {
            case name, oldPath, newPath, caHash, fingerprint, selfOffsets, narHash, narSize
            case oldArchive = "oldnarB64"
            case newArchive = "newnarB64"
        }
    }
    struct Signing: Decodable {
        struct Item: Decodable { let fingerprint, sig: String }
        let seedHex, secretKeyFile, publicKey: String
        let items: [Item]
    }

    let base32: [Base32]
    let compress: [Compression]
    let nar: [Archive]
    let storePaths: [[String]]
    let fingerprints: [String: String]
    let contentAddressed: [Addressed]
    let signing: Signing
    let binaryCache: [String: String]
    /// In base 64.
    let exportStream: String

    // As the decoder's snake-case strategy spells `exportStream_b64`.
    enum CodingKeys: String, CodingKey {
        case base32, compress, nar, storePaths, fingerprints, contentAddressed, signing, binaryCache
        case exportStream = "exportstreamB64"
    }

    static func load() throws -> Vectors {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Vectors.self, from: try fixture("nix-vectors.json"))
    }

    func storePath(_ name: String) throws -> String {
        guard let pair = storePaths.first(where: { $0.first == name }), pair.count == 2 else {
            throw StoreModelError(name, "no such vector")
        }
        return pair[1]
    }
}

func fixture(_ name: String) throws -> Data {
    guard let directory = Bundle.module.resourceURL else { throw StoreModelError(name, "no fixtures") }
    return try Data(contentsOf: directory.appending(path: "Fixtures/\(name)"))
}

func bytes(base64 text: String) throws -> [UInt8] {
    guard let data = Data(base64Encoded: text) else { throw StoreModelError("vector", "no base 64") }
    return Array(data)
}
