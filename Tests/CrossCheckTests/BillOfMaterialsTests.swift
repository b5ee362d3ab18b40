import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Proofs

/// Bills of materials against the validators of those who made their forms.
@Suite(.serialized, .timeLimit(.minutes(15))) struct BillOfMaterialsTests {
    static let formats = ["spdx-2.3", "spdx-3.0", "cyclonedx-1.6"]

    @Test(.enabled(if: Validators.areThere, "the validators are missing: make test-deps"), arguments: formats)
    func `a real validator accepts a bill of either closure, and refuses what was spoiled in it`(
        format: String
    ) async throws {
        try await withTemporaryFolder { folder in
            _ = try await BootferryProgram.shared.build()
            var files: [FilePath] = []
            for closure in ["runtime", "build"] {
                files.append(folder.appending("\(closure).json"))
                let outcome = try await BootferryProgram.shared.run(
                    "sbom", "minimal", "--format", format, "--closure", closure, "--output", files.last?.string ?? "")
                #expect(outcome.succeeded, "\(outcome.messages)")
            }
            let text = try String(contentsOfFile: files[1].string, encoding: .utf8)
            for (number, spoil) in Self.spoils(format).enumerated() {
                let spoiled = text.replacingOccurrences(of: spoil.what, with: spoil.by)
                #expect(spoiled != text, "\(spoil.what)")
                files.append(folder.appending("spoiled-\(number).json"))
                try Data(spoiled.utf8).write(to: URL(filePath: files.last?.string ?? ""))
            }
            let (faults, messages) = try await Validators.faults(format, files.map(\.string))
            #expect(faults.count == files.count, "\(messages)")
            #expect(faults.prefix(2) == [0, 0], "\(messages.prefix(2000))")
            for (number, count) in faults.dropFirst(2).enumerated() {
                #expect(count > 0, "\(Self.spoils(format)[number])")
            }
        }
    }

    private static func spoils(_ format: String) -> [(what: String, by: String)] {
        switch format {
        case "spdx-2.3":
            [
                (#""checksumValue": ""#, #""checksumValue": "x"#),
                (#""relationshipType": "CONTAINS""#, #""relationshipType": "HOLDS""#),
                (#""spdxElementId": "SPDXRef-system""#, #""spdxElementId": "SPDXRef-sistem""#),
                (#""licenseDeclared": "GPL-3.0-or-later"#, #""licenseDeclared": "GPL-3.0-or-never"#),
            ]
        case "spdx-3.0":
            [
                (#""relationshipType": "contains""#, #""relationshipType": "holds""#),
                (#""hashValue": "#, #""hashWorth": "#), (#""createdBy": "#, #""createdFor": "#),
            ]
        default:
            [
                (#""content": ""#, #""content": "x"#),
                (#""scope": "excluded""#, #""scope": "left out""#), (#""ref": "system""#, #""ref": "sistem""#),
            ]
        }
    }

    @Test(.enabled(if: Validators.areThere, "the validators are missing: make test-deps"))
    func `every name that Debian's licences are given is SPDX's`() async throws {
        try await withTemporaryFolder { folder in
            let names =
                Set(Licence.names.values).sorted()
                + Licence.exceptions.values.sorted().map { "GPL-2.0-only WITH \($0)" }
            let file = folder.appending("names")
            try Data(names.joined(separator: "\n").utf8).write(to: URL(filePath: file.string))
            let (faults, messages) = try await Validators.faults("licences", [file.string])
            #expect(faults == [0], "\(messages)")
        }
    }

    @Test func `a bill has what the lock has, and is the same every time`() async throws {
        let program = BootferryProgram.shared
        let report = try await program.build()
        struct Document: Decodable {
            struct Component: Decodable {
                struct Hash: Decodable { var content: String }
                var name: String
                var version: String?
                var scope: String
                var hashes: [Hash]?
            }
            var components: [Component]
        }
        func bill(_ closure: String) async throws -> (text: String, document: Document) {
            let outcome = try await program.run(
                "sbom", "minimal", "--format", "cyclonedx-1.6", "--closure", closure, prefix: ["env", "TZ=Asia/Tokyo"])
            try #require(outcome.succeeded, "\(outcome.messages)")
            return (outcome.output, try JSONDecoder().decode(Document.self, from: Data(outcome.output.utf8)))
        }
        let (runs, built) = (try await bill("runtime"), try await bill("build"))
        #expect(try await bill("build").text == built.text)
        #expect(runs.document.components.allSatisfy { $0.scope == "required" })

        let lock = try String(
            contentsOfFile: BootferryProgram.minimal.removingLastComponent().appending("system.lock").string,
            encoding: .utf8)
        struct Lock: Decodable {
            struct Package: Decodable, Hashable {
                var name: String
                var version: String
                var sha256: String
            }
            var sets: [String: [Package]]
        }
        let sets = try JSONDecoder().decode(Lock.self, from: Data(lock.utf8)).sets
        func packages(_ document: Document) -> Set<Lock.Package> {
            Set(
                document.components.compactMap { component in
                    component.hashes?.first.map {
                        Lock.Package(name: component.name, version: component.version ?? "", sha256: $0.content)
                    }
                })
        }
        #expect(packages(runs.document) == Set((sets["system"] ?? []) + (sets["loaders"] ?? [])))
        #expect(packages(built.document) == Set(sets.values.flatMap(\.self)))
        let parts = Set(runs.document.components.filter { $0.hashes == nil }.map(\.name))
        #expect(parts == ["init", "configuration", "settings"])
        #expect(report.segments.count == runs.document.components.count - (sets["loaders"]?.count ?? 0))
    }

    @Test func `licences are those of the copyright files`() async throws {
        let program = BootferryProgram.shared
        _ = try await program.build()
        struct Row: Decodable {
            var name: String
            var licence: String?
            var texts: [String: String]?
        }
        let outcome = try await program.run("licenses", "minimal", "--texts", "--json")
        let rows = try JSONDecoder().decode([Row].self, from: Data(outcome.output.utf8))
        func licence(_ name: String) -> String? { rows.first { $0.name == name }?.licence }
        #expect(licence("dash")?.contains("BSD-3-Clause") == true)
        #expect(licence("zlib1g") == "Zlib")
        #expect(licence("settings") == nil)
        let without = rows.filter { $0.licence == nil }.map(\.name)
        #expect(Set(without) == ["init", "configuration", "settings"], "\(without)")
        for row in rows {
            let words = (row.licence ?? "").split { " ()".contains($0) }.map(String.init)
            #expect(Set(words.filter { $0.hasPrefix("LicenseRef-") }) == Set((row.texts ?? [:]).keys), "\(row.name)")
        }
    }

    @Test func `a package, a setting and files that came are told apart`() async throws {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            _ = try await program.build()
            let system = try TestSystem(in: folder, name: "with-less", "packages: [less]\nhostname: other")
            _ = try await program.build(system.file)
            let outcome = try await program.run("diff", "minimal", "with-less", "--files")
            try #require(outcome.succeeded, "\(outcome.messages)")
            let lines = outcome.output.split(separator: "\n").map(String.init)
            #expect(lines.contains { $0.hasPrefix("new      less ") }, "\(outcome.output)")
            #expect(lines.contains("  + /usr/bin/less"))
            #expect(lines.contains { $0.hasPrefix("remade   settings") })
            #expect(!lines.contains { $0.contains("gone") })
            let same = try await program.run("diff", "minimal", "minimal", "--json")
            struct Difference: Decodable { var changes: [[String: String]] }
            let difference = try JSONDecoder().decode(Difference.self, from: Data(same.output.utf8))
            #expect(difference.changes.isEmpty)
        }
    }

    @Test func `an image that was made elsewhere has licences and no bill`() async throws {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            let records = program.stateDirectory.appending("generations/minimal/records")
            try FileManager.default.removeItem(atPath: records.string)
            let outcome = try await program.run("sbom", "minimal")
            #expect(outcome.status == .exited(2))
            #expect(outcome.messages.contains("remedy: ask where it was made"), "\(outcome.messages)")
            #expect(try await program.run("licenses", "minimal").output.contains("zlib1g"))
            // A build with nothing to do writes the record anew.
            _ = try await program.build()
            #expect(try await program.run("sbom", "minimal").succeeded)
        }
    }
}

/// The Python environment of `make test-deps`.
enum Validators {
    static let python = BootferryProgram.checkout.appending(".build/validators/bin/python")
    static let areThere =
        FileManager.default.isExecutableFile(atPath: python.string)
        || ProcessInfo.processInfo.environment["CI"] == "true"

    /// The number of faults in each file.
    static func faults(_ format: String, _ files: [String]) async throws -> (counts: [Int], messages: String) {
        let script = BootferryProgram.checkout.appending("Tests/Support/validators/validate.py")
        let outcome = try await execute([python.string, script.string, format] + files)
        return (outcome.output.split(separator: "\n").compactMap { Int($0) }, outcome.messages)
    }
}
