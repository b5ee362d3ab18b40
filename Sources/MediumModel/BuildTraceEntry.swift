import Foundation
import StoreModel

/// What a binary cache says a derivation made: the file `build-trace-v2/DERIVATION/out.doi`, which nix has since 2.35.
///
///     {"outPath":"HASH-NAME","signatures":[{"keyName":"KEY","sig":"BASE64"}]}
///
/// Signed is `{"key":{"drvPath":"DERIVATION","outputName":"out"},"value":{"outPath":"HASH-NAME"}}`, paths by their base names.
/// Nix has entries of resolved derivations; ours are of those as they were planned besides.
/// Reference: Nix manual, "Build Trace Entry".
public struct BuildTraceEntry: Sendable, Equatable {
    public var realisation: Realisation
    public var signatures: [Signature]

    /// Bytes beyond which a file is no entry.
    public static let maximumCount = 1 << 16
    private static let folder = "build-trace-v2"
    private static let output = "out.doi"

    public init(_ realisation: Realisation, signatures: [Signature] = []) {
        self.realisation = realisation
        self.signatures = signatures
    }

    /// Signs what the store knows.
    public init(_ realisation: Realisation, by key: SigningKey) throws(StoreModelError) {
        self.init(realisation)
        signatures = [try key.sign(fingerprint)]
    }

    /// Where a cache has the entry of a derivation.
    public static func fileName(of derivation: StorePath) -> String { "\(folder)/\(derivation.baseName)/\(output)" }

    /// The derivation whose entry has this name; nil for other files.
    public static func derivation(ofFileName name: some StringProtocol) -> StorePath? {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == folder, parts[2] == output,
            let path = try? StorePath(baseName: String(parts[1])), path.isDerivation
        else { return nil }
        return path
    }

    /// What is signed. Paths have no character that JSON would escape.
    public var fingerprint: String {
        #"{"key":{"drvPath":"\#(realisation.derivation.baseName)","outputName":"out"},"#
            + #""value":{"outPath":"\#(realisation.output.baseName)"}}"#
    }

    /// The file's content.
    public func content() throws -> [UInt8] {
        let file = File(
            outPath: realisation.output.baseName,
            signatures: signatures.map {
                .init(keyName: $0.keyName, sig: String($0.description.dropFirst($0.keyName.count + 1)))
            })
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(file))
    }

    /// Reads the file of a derivation; keys that are not known are passed over, as nix does.
    public init(parsing bytes: [UInt8], of derivation: StorePath) throws(StoreModelError) {
        let subject = "'\(Self.fileName(of: derivation))'"
        guard bytes.count <= Self.maximumCount else {
            throw StoreModelError(subject, "has more than \(Self.maximumCount) bytes")
        }
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(bytes))
        } catch {
            throw StoreModelError(subject, "is no build trace entry", cause: "\(error)")
        }
        self.init(Realisation(derivation: derivation, output: try StorePath(baseName: file.outPath)))
        for signature in file.signatures ?? [] {
            signatures.append(try Signature(parsing: "\(signature.keyName):\(signature.sig)"))
        }
    }

    private struct File: Codable {
        struct Signed: Codable {
            var keyName: String
            var sig: String
        }
        var outPath: String
        var signatures: [Signed]?
    }
}
