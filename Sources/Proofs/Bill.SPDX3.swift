import SystemModel

extension Bill {
    /// SPDX 3.0.1 as JSON-LD: profiles core, software and simpleLicensing, and build where the bill has what built.
    var spdx30: JSONValue {
        var graph = SPDX3Graph(namespace: namespace)
        graph.add(
            "software_Package", "system",
            [
                ("name", .text(system)), ("software_packageVersion", .text("\(generation)")),
                ("software_primaryPurpose", .text("operatingSystem")),
                ("comment", .text("\(image), NAR sha256 \(imageDigest)")),
            ])
        for component in components { add(component, to: &graph) }
        graph.relate("system", "contains", runtime.map(\.identifier))
        addLicences(to: &graph)
        let built = components.filter { $0.use == .build }
        var profiles = ["core", "software", "simpleLicensing"]
        if !built.isEmpty {
            profiles.append("build")
            graph.add(
                "build_Build", "build",
                [
                    ("name", .text("\(system)-\(generation)")), ("build_buildType", .text(Provenance.buildType)),
                    ("build_buildId", .text(image)),
                ])
            graph.relate("build", "hasOutput", ["system"])
            graph.relate("build", "usesTool", built.filter { !$0.isSource }.map(\.identifier))
            graph.relate(
                "build", "hasInput", components.filter { $0.use == .runtime || $0.isSource }.map(\.identifier))
        }
        return graph.document(
            creationInfo: [
                ("type", .text("CreationInfo")), ("@id", .text("_:creation")), ("specVersion", .text("3.0.1")),
                ("created", .text(timestamp(created))),
            ], agent: "bootferry \(toolVersion)", name: "\(system)-\(generation)", profiles: profiles)
    }

    private func add(_ component: Component, to graph: inout SPDX3Graph) {
        func hash(_ sha256: String) -> JSONValue {
            .list([.record([("type", .text("Hash")), ("algorithm", .text("sha256")), ("hashValue", .text(sha256))])])
        }
        var record: [(String, JSONValue)] = [("name", .text(component.name))]
        record = record.adding("software_packageVersion", component.version)
            .adding("software_packageUrl", component.packageURL).adding("software_homePage", component.homepage)
            .adding("software_sourceInfo", component.origin).adding("summary", component.file?.path)
            .adding("comment", component.place)
        if component.isSource { record.append(("software_primaryPurpose", .text("source"))) }
        if let file = component.file { record.append(("verifiedUsing", hash(file.sha256))) }
        graph.add("software_Package", component.identifier, record)

        let known = Dictionary(uniqueKeysWithValues: components.map { ($0.identifier, $0) })
        graph.relate(component.identifier, "dependsOn", component.needs.filter { known[$0] != nil }.sorted())
        let ingredients = component.madeFrom.sorted().compactMap { known[$0] }
        for source in ingredients where source.isSource {
            graph.relate(source.identifier, "generates", [component.identifier])
        }
        graph.relate(component.identifier, "usesTool", ingredients.filter { !$0.isSource }.map(\.identifier))
        for patch in component.patches {
            let name = "\(inIdentifiers(patch.name))-\(patch.sha256.prefix(10))"
            graph.add(
                "software_File", name,
                [
                    ("name", .text("targets/recipes/\(component.name)/\(patch.name)")),
                    ("software_primaryPurpose", .text("patch")), ("verifiedUsing", hash(patch.sha256)),
                ])
            graph.relate(component.identifier, "patchedBy", [name])
        }
    }

    private func addLicences(to graph: inout SPDX3Graph) {
        for (reference, text) in licenceTexts {
            graph.add(
                "simplelicensing_SimpleLicensingText", reference,
                [("name", .text(reference)), ("simplelicensing_licenseText", .text(text))])
        }
        let expressions = Set(components.compactMap(\.licence.expression)).sorted()
        for (number, expression) in expressions.enumerated() {
            let name = "licence-\(number)"
            var record: [(String, JSONValue)] = [("simplelicensing_licenseExpression", .text(expression))]
            let references = Set(
                expression.split { " ()".contains($0) }.map(String.init).filter { $0.hasPrefix("LicenseRef-") })
            if !references.isEmpty {
                let entries = references.sorted().map { reference in
                    JSONValue.record([
                        ("type", .text("DictionaryEntry")), ("key", .text(reference)),
                        ("value", .text(graph.identifier(reference))),
                    ])
                }
                record.append(("simplelicensing_customIdToUri", .list(entries)))
            }
            graph.add("simplelicensing_LicenseExpression", name, record)
            for component in components where component.licence.expression == expression {
                graph.relate(component.identifier, "hasDeclaredLicense", [name])
            }
        }
    }
}

/// Elements of SPDX 3, each with an identifier of its own, and what relates them.
private struct SPDX3Graph {
    let namespace: String
    private var elements: [JSONValue] = []
    private var names: [String] = []
    private var known: Set<String> = []
    private var relationships = 0

    init(namespace: String) { self.namespace = namespace }

    func identifier(_ name: String) -> String { "\(namespace)#\(name)" }

    /// Adds an element; a second time of the same name does nothing.
    mutating func add(_ type: String, _ name: String, _ fields: [(String, JSONValue)]) {
        guard known.insert(name).inserted else { return }
        names.append(name)
        elements.append(element(type, name, fields))
    }

    private func element(_ type: String, _ name: String, _ fields: [(String, JSONValue)]) -> JSONValue {
        .record(
            [
                ("type", .text(type)), ("spdxId", .text(identifier(name))), ("creationInfo", .text("_:creation")),
            ] + fields)
    }

    mutating func relate(_ from: String, _ type: String, _ to: [String]) {
        guard !to.isEmpty else { return }
        relationships += 1
        add(
            "Relationship", "relationship-\(relationships)",
            [
                ("from", .text(identifier(from))), ("relationshipType", .text(type)),
                ("to", .list(to.map { .text(identifier($0)) })),
            ])
    }

    func document(
        creationInfo: [(String, JSONValue)], agent: String, name: String, profiles: [String]
    ) -> JSONValue {
        func collection(_ type: String, _ own: String, root: String, _ more: [(String, JSONValue)]) -> JSONValue {
            element(
                type, own,
                [
                    ("rootElement", .list([.text(identifier(root))])),
                    ("profileConformance", .list(profiles.map(JSONValue.text))),
                ] + more)
        }
        let members = ["agent"] + names
        func listed(_ names: [String]) -> JSONValue { .list(names.map { .text(identifier($0)) }) }
        let ends = [
            .record(creationInfo + [("createdBy", listed(["agent"]))]),
            element("SoftwareAgent", "agent", [("name", .text(agent))]),
            collection(
                "software_Sbom", "sbom", root: "system",
                [("element", listed(members)), ("software_sbomType", .list([.text("build")]))]),
            collection(
                "SpdxDocument", "document", root: "sbom",
                [("name", .text(name)), ("element", listed(members + ["sbom"]))]),
        ]
        return .record([
            ("@context", .text("https://spdx.org/rdf/3.0.1/spdx-context.jsonld")),
            ("@graph", .list(ends + elements)),
        ])
    }
}
