import MediumModel
import StoreModel
import Testing

/// What a cache says that a derivation made, in nix's own form.
@Suite struct BuildTraceEntryTests {
    private let derivation: StorePath
    private let output: StorePath
    private let key: SigningKey

    init() throws {
        derivation = try StorePath(baseName: "\(String(repeating: "0", count: 32))-producer.drv")
        output = try StorePath(baseName: "\(String(repeating: "1", count: 32))-produced")
        key = try SigningKey(name: "home-1", seed: Array(0..<32))
    }

    private var realisation: Realisation { Realisation(derivation: derivation, output: output) }

    @Test func `name, fingerprint and content are nix's`() throws {
        #expect(
            BuildTraceEntry.fileName(of: derivation)
                == "build-trace-v2/00000000000000000000000000000000-producer.drv/out.doi")
        #expect(
            BuildTraceEntry(realisation).fingerprint
                == #"{"key":{"drvPath":"00000000000000000000000000000000-producer.drv","outputName":"out"},"#
                + #""value":{"outPath":"11111111111111111111111111111111-produced"}}"#)
        let entry = try BuildTraceEntry(realisation, by: key)
        let signature = entry.signatures[0].description.dropFirst("home-1:".count)
        #expect(
            String(decoding: try entry.content(), as: UTF8.self)
                == #"{"outPath":"11111111111111111111111111111111-produced","signatures":"#
                + #"[{"keyName":"home-1","sig":"\#(signature)"}]}"#)
    }

    @Test func `what is written is read again, and its signature is of this derivation alone`() throws {
        let entry = try BuildTraceEntry(realisation, by: key)
        #expect(try BuildTraceEntry(parsing: entry.content(), of: derivation) == entry)
        let ring = try KeyRing(trusted: [key.publicKey])
        #expect(ring.judge(entry.signatures, of: entry.fingerprint) == .valid(by: "home-1"))
        let other = try StorePath(baseName: "\(String(repeating: "2", count: 32))-producer.drv")
        let moved = try BuildTraceEntry(parsing: entry.content(), of: other)
        #expect(ring.judge(moved.signatures, of: moved.fingerprint) == .wrong(key: "home-1"))
    }

    @Test func `unknown keys and no signatures are read, and what is no entry is refused`() throws {
        let text = #"{"dependentRealisations":{},"outPath":"\#(output.baseName)"}"#
        #expect(try BuildTraceEntry(parsing: Array(text.utf8), of: derivation) == BuildTraceEntry(realisation))
        for bad in [
            "", "[]", "{}", #"{"outPath":"../x"}"#, #"{"outPath":7}"#,
            #"{"outPath":"\#(output.baseName)","signatures":[{"keyName":"a","sig":"AA=="}]}"#,
            #"{"outPath":"\#(output.baseName)","signatures":["#,
        ] {
            #expect(throws: StoreModelError.self, "\(bad)") {
                try BuildTraceEntry(parsing: Array(bad.utf8), of: derivation)
            }
        }
        #expect(throws: StoreModelError.self) {
            try BuildTraceEntry(
                parsing: [UInt8](repeating: 32, count: BuildTraceEntry.maximumCount + 1), of: derivation)
        }
    }

    @Test func `only names of entries are names of entries`() {
        let name = BuildTraceEntry.fileName(of: derivation)
        #expect(BuildTraceEntry.derivation(ofFileName: name) == derivation)
        for bad in [
            "", "build-trace-v2", "build-trace-v2/x/out.doi", "build-trace-v2/\(output.baseName)/out.doi",
            "build-trace-v2/\(derivation.baseName)/dev.doi", "\(name)/x", "/\(name)",
        ] {
            #expect(BuildTraceEntry.derivation(ofFileName: bad) == nil, "\(bad)")
        }
    }
}
