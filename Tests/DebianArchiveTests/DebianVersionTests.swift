import Foundation
import SeededRandomness
import Testing

@testable import DebianArchive

@Suite struct DebianVersionTests {
    @Test(arguments: [
        ("1.0", "1.1"), ("1.0~rc1", "1.0"), ("1.0", "1.0-1"), ("1:0.1", "2:0"), ("9", "1:0"), ("1.0a", "1.0+"),
        ("2.41-12", "2.41-12+deb13u4"), ("1.0~~", "1.0~"), ("1.9", "1.10"), ("1.0-1~bpo1", "1.0-1"),
    ])
    func `the first is older than the second`(pair: (String, String)) throws {
        let (older, newer) = (try #require(DebianVersion(pair.0)), try #require(DebianVersion(pair.1)))
        #expect(older < newer)
        #expect(!(newer < older))
        #expect(older != newer)
    }

    @Test func `spellings of one version are equal`() {
        #expect(DebianVersion("1.0") == DebianVersion("1.00"))
        #expect(DebianVersion("1.0") == DebianVersion("0:1.0-0"))
    }

    @Test(arguments: ["", ":1", "a:1", "1:", "1.0-", "a1", "1.0_1", "1 0", "99999999999:1", "1.0-ü", "-1"])
    func `what dpkg calls no version is none`(text: String) {
        #expect(DebianVersion(text) == nil)
    }

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CI"] == "true"
                || FileManager.default.isExecutableFile(atPath: "/usr/bin/dpkg")))
    func `the order of 2,000 generated pairs is dpkg's`() throws {
        var random = SeededGenerator(seed: 20_261_122)
        let pairs = (0..<2000).map { _ -> (String, String) in
            let first = random.version()
            // Neighbours differ in one place; strangers would be decided by their first character.
            return (first, Bool.random(using: &random) ? random.variation(of: first) : random.version())
        }
        let script = """
            while read -r a b; do
                if dpkg --compare-versions "$a" lt "$b"; then echo lt
                elif dpkg --compare-versions "$a" eq "$b"; then echo eq; else echo gt; fi
            done
            """
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let text = pairs.map { "\($0.0) \($0.1)\n" }.joined()
        DispatchQueue.global().async {
            try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8))
            try? input.fileHandleForWriting.close()
        }
        let answer = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        let verdicts = answer.split(separator: "\n")
        #expect(verdicts.count == pairs.count)
        for (pair, verdict) in zip(pairs, verdicts) {
            guard let a = DebianVersion(pair.0), let b = DebianVersion(pair.1) else {
                Issue.record("refused: \(pair)")
                continue
            }
            let ours = a < b ? "lt" : a == b ? "eq" : "gt"
            #expect(ours == verdict, "\(pair)")
        }
    }
}

extension SeededGenerator {
    fileprivate mutating func piece() -> String {
        String((0..<Int.random(in: 1...4, using: &self)).compactMap { _ in "0019aZb.+~~".randomElement(using: &self) })
    }

    fileprivate mutating func version() -> String {
        let epoch = Int.random(in: 0...3, using: &self) == 0 ? "\(Int.random(in: 0...2, using: &self)):" : ""
        let revision = Bool.random(using: &self) ? "-\(piece())" : ""
        return "\(epoch)\(Int.random(in: 0...11, using: &self))\(piece())\(piece())\(revision)"
    }

    fileprivate mutating func variation(of version: String) -> String {
        var text = Array(version)
        let digitsEnd = text.firstIndex(of: ":").map { $0 + 1 } ?? 0
        let place = Int.random(in: (digitsEnd + 1)...text.count, using: &self)
        text.insert(contentsOf: piece().prefix(1), at: place)
        return String(text)
    }
}
