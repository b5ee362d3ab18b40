import SystemModel

extension Bill {
    /// CycloneDX 1.6 (ECMA-424) as JSON. What only took part in the build has the scope `excluded`.
    var cycloneDX16: JSONValue {
        let tool: JSONValue = .record([
            ("type", .text("application")), ("name", .text("bootferry")), ("version", .text(toolVersion)),
        ])
        let subject: JSONValue = .record([
            ("type", .text("operating-system")), ("bom-ref", .text("system")), ("name", .text(system)),
            ("version", .text("\(generation)")),
            ("properties", properties([("store-path", image), ("nar-sha256", imageDigest)])),
        ])
        let known = Set(components.map(\.identifier))
        let dependencies =
            [dependency("system", runtime.map(\.identifier))]
            + components.map { dependency($0.identifier, $0.needs.union($0.madeFrom).filter(known.contains).sorted()) }
        return .record([
            ("$schema", .text("http://cyclonedx.org/schema/bom-1.6.schema.json")), ("bomFormat", .text("CycloneDX")),
            ("specVersion", .text("1.6")), ("serialNumber", .text("urn:uuid:\(uuid)")), ("version", .number(1)),
            (
                "metadata",
                .record([
                    ("timestamp", .text(timestamp(created))),
                    ("tools", .record([("components", .list([tool]))])), ("component", subject),
                ])
            ),
            ("components", .list(components.map(cycloneDX))), ("dependencies", .list(dependencies)),
        ])
    }

    private func dependency(_ identifier: String, _ needs: [String]) -> JSONValue {
        .record([("ref", .text(identifier)), ("dependsOn", .list(needs.map(JSONValue.text)))])
    }

    private func properties(_ values: [(String, String)]) -> JSONValue {
        .list(values.map { .record([("name", .text("bootferry:\($0)")), ("value", .text($1))]) })
    }

    private func cycloneDX(_ component: Component) -> JSONValue {
        let type =
            switch component.kind {
            case .debianPackage, .recipe, .nixClosure: "library"
            case .debianSource, .part: "file"
            }
        var record: [(String, JSONValue)] = [("type", .text(type)), ("bom-ref", .text(component.identifier))]
        if let maintainer = component.maintainer { record.append(("supplier", .record([("name", .text(maintainer))]))) }
        record.append(("name", .text(component.name)))
        record = record.adding("version", component.version).adding("description", component.origin)
        record.append(("scope", .text(component.use == .runtime ? "required" : "excluded")))
        if let file = component.file {
            let hash: JSONValue = .record([("alg", .text("SHA-256")), ("content", .text(file.sha256))])
            record.append(("hashes", .list([hash])))
        }
        if let expression = component.licence.expression {
            let licence: JSONValue = .record([
                ("expression", .text(expression)), ("acknowledgement", .text("declared")),
            ])
            record.append(("licenses", .list([licence])))
        }
        record = record.adding("purl", component.packageURL)
        if let pedigree = pedigree(of: component) { record.append(("pedigree", pedigree)) }
        if let homepage = component.homepage {
            let website: JSONValue = .record([("type", .text("website")), ("url", .text(homepage))])
            record.append(("externalReferences", .list([website])))
        }
        var more: [(String, String)] = []
        if let object = component.object { more += [("store-path", object.path), ("nar-sha256", object.narDigest)] }
        if let file = component.file { more.append(("archive-path", file.path)) }
        if case .debianPackage(_, let source, let version) = component.kind {
            more.append(("debian-source", source + (version.map { " \($0)" } ?? "")))
        }
        more += component.patches.map { ("patch", "\($0.name) sha256 \($0.sha256)") }
        if !more.isEmpty { record.append(("properties", properties(more))) }
        return .record(record)
    }

    /// The sources that a recipe built, and how it changed them.
    private func pedigree(of component: Component) -> JSONValue? {
        let ancestors = components.filter { $0.isSource && component.madeFrom.contains($0.identifier) }
        var record: [(String, JSONValue)] = []
        if !ancestors.isEmpty {
            let list = ancestors.map { source in
                JSONValue.record(
                    [("type", .text("file")), ("name", .text(source.name)), ("version", .text(source.version))]
                        .adding("purl", source.packageURL))
            }
            record.append(("ancestors", .list(list)))
        }
        if !component.patches.isEmpty {
            let list = component.patches.map { patch in
                let place = "targets/recipes/\(component.name)/\(patch.name)"
                return JSONValue.record([("type", .text("unofficial")), ("diff", .record([("url", .text(place))]))])
            }
            record.append(("patches", .list(list)))
        }
        return record.isEmpty ? nil : .record(record)
    }
}
