import SystemModel

extension Bill {
    /// SPDX 2.3 (a later edition of ISO/IEC 5962) as JSON.
    var spdx23: JSONValue {
        let system: [(String, JSONValue)] =
            [
                ("SPDXID", .text("SPDXRef-system")), ("name", .text(self.system)),
                ("versionInfo", .text("\(generation)")), ("primaryPackagePurpose", .text("OPERATING-SYSTEM")),
                ("licenseDeclared", .text("NOASSERTION")),
                ("comment", .text("\(image), NAR sha256 \(imageDigest)")),
            ] + Self.notAsserted
        var patches: [String: JSONValue] = [:]
        for component in components {
            for patch in component.patches { patches[identifier(of: patch)] = spdx2(patch: patch, of: component) }
        }
        let texts = licenceTexts.map { reference, text in
            JSONValue.record([("licenseId", .text(reference)), ("extractedText", .text(text))])
        }
        return .record(
            [
                ("spdxVersion", .text("SPDX-2.3")), ("dataLicense", .text("CC0-1.0")),
                ("SPDXID", .text("SPDXRef-DOCUMENT")), ("name", .text("\(self.system)-\(generation)")),
                ("documentNamespace", .text(namespace)),
                (
                    "creationInfo",
                    .record([
                        ("created", .text(timestamp(created))),
                        ("creators", .list([.text("Tool: bootferry-\(toolVersion)")])),
                    ])
                ),
                (
                    "packages",
                    .list(
                        [.record(system)] + components.map(spdx2)
                            + patches.sorted { $0.key < $1.key }.map(\.value))
                ),
                ("relationships", .list(spdx2Relationships)),
            ] + (texts.isEmpty ? [] : [("hasExtractedLicensingInfos", .list(texts))]))
    }

    /// What is the same of every package: Bootferry says where a file is from, not where one is to be had today.
    private static let notAsserted: [(String, JSONValue)] = [
        ("downloadLocation", .text("NOASSERTION")), ("filesAnalyzed", .flag(false)),
        ("licenseConcluded", .text("NOASSERTION")), ("copyrightText", .text("NOASSERTION")),
    ]

    private var spdx2Relationships: [JSONValue] {
        func relationship(_ from: String, _ type: String, _ to: String) -> JSONValue {
            .record([
                ("spdxElementId", .text("SPDXRef-\(from)")), ("relationshipType", .text(type)),
                ("relatedSpdxElement", .text("SPDXRef-\(to)")),
            ])
        }
        var all = [relationship("DOCUMENT", "DESCRIBES", "system")]
        let known = Dictionary(uniqueKeysWithValues: components.map { ($0.identifier, $0) })
        for component in components {
            let own = component.identifier
            all.append(
                component.use == .runtime
                    ? relationship("system", "CONTAINS", own) : relationship(own, "BUILD_DEPENDENCY_OF", "system"))
            for other in component.needs.sorted() where known[other] != nil {
                all.append(relationship(own, "DEPENDS_ON", other))
            }
            for other in component.madeFrom.sorted() {
                guard let ingredient = known[other] else { continue }
                all.append(
                    ingredient.isSource
                        ? relationship(own, "GENERATED_FROM", other)
                        : relationship(other, "BUILD_DEPENDENCY_OF", own))
            }
            for patch in component.patches { all.append(relationship(identifier(of: patch), "PATCH_FOR", own)) }
        }
        return all
    }

    private func identifier(of patch: BuildRecord.Patch) -> String {
        "\(inIdentifiers(patch.name))-\(patch.sha256.prefix(10))"
    }

    private func checksum(_ sha256: String) -> JSONValue {
        .list([.record([("algorithm", .text("SHA256")), ("checksumValue", .text(sha256))])])
    }

    private func spdx2(patch: BuildRecord.Patch, of component: Component) -> JSONValue {
        .record(
            [
                ("SPDXID", .text("SPDXRef-\(identifier(of: patch))")), ("name", .text(patch.name)),
                ("packageFileName", .text("targets/recipes/\(component.name)/\(patch.name)")),
                ("primaryPackagePurpose", .text("SOURCE")), ("licenseDeclared", .text("NOASSERTION")),
                ("checksums", checksum(patch.sha256)),
            ] + Self.notAsserted)
    }

    private func spdx2(_ component: Component) -> JSONValue {
        var record: [(String, JSONValue)] = [
            ("SPDXID", .text("SPDXRef-\(component.identifier)")), ("name", .text(component.name)),
        ]
        record = record.adding("versionInfo", component.version).adding("packageFileName", component.file?.path)
        if component.isSource { record.append(("primaryPackagePurpose", .text("SOURCE"))) }
        if let supplier = component.maintainer.map(Self.supplier) { record.append(("supplier", .text(supplier))) }
        record = record.adding("homepage", component.homepage).adding("sourceInfo", component.origin)
        record.append(("licenseDeclared", .text(component.licence.expression ?? "NOASSERTION")))
        if let file = component.file { record.append(("checksums", checksum(file.sha256))) }
        if let url = component.packageURL {
            let reference: JSONValue = .record([
                ("referenceCategory", .text("PACKAGE-MANAGER")), ("referenceType", .text("purl")),
                ("referenceLocator", .text(url)),
            ])
            record.append(("externalRefs", .list([reference])))
        }
        record = record.adding("comment", component.place)
        return .record(record + Self.notAsserted)
    }

    /// `NAME <ADDRESS>` as SPDX has it: `Organization: NAME (ADDRESS)`.
    private static func supplier(_ maintainer: String) -> String {
        let parts = maintainer.split(separator: "<", maxSplits: 1)
        let name = parts.first.map { String($0.filter { $0 != "(" && $0 != ")" }) } ?? ""
        let address = parts.count > 1 ? parts[1].prefix { $0 != ">" } : ""
        let trimmed = name.split(separator: " ").joined(separator: " ")
        return "Organization: \(trimmed)" + (address.isEmpty ? "" : " (\(address))")
    }
}
