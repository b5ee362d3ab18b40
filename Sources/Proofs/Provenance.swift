import Foundation
import StoreModel
import SystemModel

/// How an image was made: SLSA provenance v1 (slsa.dev/provenance/v1) in an in-toto statement.
public struct Provenance: Sendable, Equatable {
    /// What a build of this kind takes in and does, as docs/design.md says it.
    public static let buildType = "urn:bootferry:build:v1"
    private static let statementType = "https://in-toto.io/Statement/v1"
    private static let predicateType = "https://slsa.dev/provenance/v1"

    /// What is vouched for.
    public struct Subject: Sendable, Equatable, Codable {
        public var name: String
        /// Algorithm -> hexadecimal: `sha256` of a file's bytes, `nar-sha256` of a store object's archive.
        public var digest: [String: String]

        public init(name: String, digest: [String: String]) {
            self.name = name
            self.digest = digest
        }
    }

    public var subjects: [Subject]
    public var system: String
    public var generation: Int

    /// The digest of a store object's archive, among a subject's.
    public static let archiveDigest = "nar-sha256"

    /// The statement of a bill of the build closure.
    ///
    /// - Parameters:
    ///   - subjects: files of the image, beside the image itself.
    ///   - builder: who built, as the name of the key that signs.
    public static func statement(
        of bill: Bill, _ image: ImageManifest, files: [Subject], record: BuildRecord, builder: String
    ) -> String {
        let itself = Subject(name: bill.image, digest: [archiveDigest: bill.imageDigest])
        let parameters: [(String, JSONValue)] = [
            ("system", .text(bill.system)), ("generation", .number(bill.generation)),
            ("platform", .text(image.platform)),
            ("kernelParameters", .list(image.kernelParameters.map(JSONValue.text))),
        ]
        let steps = record.steps.filter { $0.package == nil }.map { step in
            JSONValue.record(
                [("derivation", .text("\(StorePath.directory)/\(step.derivation)"))].adding(
                    "output", step.output.map { "\(StorePath.directory)/\($0)" }))
        }
        let predicate: [(String, JSONValue)] = [
            (
                "buildDefinition",
                .record([
                    ("buildType", .text(buildType)), ("externalParameters", .record(parameters)),
                    ("internalParameters", .record([("steps", .list(steps))])),
                    ("resolvedDependencies", .list(dependencies(of: bill, record))),
                ])
            ),
            (
                "runDetails",
                .record([
                    (
                        "builder",
                        .record([
                            ("id", .text("urn:bootferry:site:\(builder)")),
                            ("version", .record([("bootferry", .text(bill.toolVersion))])),
                        ])
                    ),
                    (
                        "metadata",
                        .record([
                            ("invocationId", .text("\(bill.system)-\(bill.generation)")),
                            ("finishedOn", .text(timestamp(bill.created))),
                        ])
                    ),
                ])
            ),
        ]
        return JSONValue.record([
            ("_type", .text(statementType)), ("subject", .list(([itself] + files).map(described))),
            ("predicateType", .text(predicateType)), ("predicate", .record(predicate)),
        ]).line
    }

    private static func described(_ subject: Subject) -> JSONValue {
        .record([
            ("name", .text(subject.name)),
            ("digest", .record(subject.digest.sorted { $0.key < $1.key }.map { ($0.key, .text($0.value)) })),
        ])
    }

    /// Every file that was fetched, every patch, and what of the checkout recipes read.
    private static func dependencies(of bill: Bill, _ record: BuildRecord) -> [JSONValue] {
        func resource(_ name: String, _ uri: String?, _ digest: (String, String)) -> JSONValue {
            .record(
                [("name", .text(name))].adding("uri", uri) + [("digest", .record([(digest.0, .text(digest.1))]))])
        }
        var found = bill.components.compactMap { component in
            component.file.map { resource($0.path, component.packageURL, ("sha256", $0.sha256)) }
        }
        for recipe in record.steps.compactMap(\.recipe) {
            found += recipe.patches.map {
                resource("targets/recipes/\(recipe.name)/\($0.name)", nil, ("sha256", $0.sha256))
            }
        }
        for source in Set(record.steps.flatMap(\.sources)).sorted() {
            // A source's path has the digest of its content in it.
            found.append(
                resource("\(StorePath.directory)/\(source)", nil, ("nix-store-path", String(source.prefix(32)))))
        }
        return found
    }

    /// Reads a statement.
    ///
    /// - Parameter file: how messages name where it came from.
    public init(parsing statement: String, of file: String) throws(StoreModelError) {
        struct Form: Decodable {
            struct Predicate: Decodable {
                struct Definition: Decodable {
                    struct Parameters: Decodable {
                        var system: String
                        var generation: Int
                    }
                    var buildType: String
                    var externalParameters: Parameters
                }
                var buildDefinition: Definition
            }
            var _type: String
            var subject: [Subject]
            var predicateType: String
            var predicate: Predicate
        }
        guard let form = try? JSONDecoder().decode(Form.self, from: Data(statement.utf8)) else {
            throw StoreModelError("'\(file)'", "its statement is none that 'bootferry provenance' makes")
        }
        let found = [form._type, form.predicateType, form.predicate.buildDefinition.buildType]
        for (found, expected) in zip(found, [Self.statementType, Self.predicateType, Self.buildType])
        where found != expected {
            throw StoreModelError("'\(file)'", "holds '\(found.prefix(200))', expected '\(expected)'")
        }
        subjects = form.subject
        system = form.predicate.buildDefinition.externalParameters.system
        generation = form.predicate.buildDefinition.externalParameters.generation
    }
}
