import Foundation
import SystemModel
import Testing

/// The schemas against python's jsonschema and PyYAML.
@Suite struct SchemaCrossCheckTests {
    private static let hasValidator =
        (try? python("import jsonschema, yaml", [:]))?.status == 0
        || ProcessInfo.processInfo.environment["CI"] == "true"

    @Test(.enabled(if: hasValidator, "python3 with jsonschema and yaml is missing"))
    func `a real validator accepts every shipped file and the schemas themselves, and refuses mistakes`() throws {
        let script = """
            import json, os, re, sys, yaml
            from jsonschema import Draft202012Validator
            class Loader(yaml.SafeLoader): pass
            def plain(loader, suffix, node):
                if isinstance(node, yaml.ScalarNode): return loader.construct_scalar(node)
                if isinstance(node, yaml.SequenceNode): return loader.construct_sequence(node, deep=True)
                return loader.construct_mapping(node, deep=True)
            Loader.add_multi_constructor('!', plain)
            # YAML 1.2, as editors' language servers read it: `yes` is text, and so is a MAC address.
            Loader.yaml_implicit_resolvers = {
                first: [(tag, pattern) for tag, pattern in found if not tag.endswith((':bool', ':int'))]
                for first, found in Loader.yaml_implicit_resolvers.items()}
            Loader.add_implicit_resolver('tag:yaml.org,2002:int', re.compile('^[-+]?[0-9]+$'), list('-+0123456789'))
            schema = json.loads(os.environ['SCHEMA'])
            Draft202012Validator.check_schema(schema)
            validator = Draft202012Validator(schema)
            for path in os.environ['FILES'].split(':'):
                found = list(validator.iter_errors(yaml.load(open(path), Loader)))
                print(len(found))
                for error in found: print(path, list(error.absolute_path), error.message, file=sys.stderr)
            """
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        func files(_ folder: String) throws -> [String] {
            let walker = try #require(
                FileManager.default.enumerator(at: root.appending(path: folder), includingPropertiesForKeys: nil))
            return walker.compactMap { $0 as? URL }.filter { $0.pathExtension == "yaml" }.map { $0.path() }.sorted()
        }
        let fixtures = root.appending(path: "Tests/SystemModelTests/Fixtures").path()
        let platforms = try files("targets/platforms")
        let systems = try files("targets/systems") + [fixtures + "/everything.yaml"]
        let recipes = try files("targets/recipes")
        let boards = try files("targets/boards")
        #expect(platforms.count >= 2 && boards.count >= 4 && systems.count >= 4 && recipes.count >= 1)
        for (schema, files) in [
            (ConfigurationReference.platformSchema(), platforms), (ConfigurationReference.recipeSchema(), recipes),
            (ConfigurationReference.boardSchema(), boards),
            (ConfigurationReference.systemSchema(), systems),
            (
                ConfigurationReference.siteSchema(),
                [root.appending(path: "netboot/site.yaml").path(), fixtures + "/site/everything.yaml"]
            ),
        ] {
            let answer = try Self.python(script, ["SCHEMA": schema, "FILES": files.joined(separator: ":")])
            #expect(answer.status == 0)
            #expect(answer.output.split(separator: "\n").map(String.init) == files.map { _ in "0" }, "\(answer.errors)")
        }

        let wrong = FileManager.default.temporaryDirectory.appending(path: "bootferry-\(UUID().uuidString).yaml")
        defer { try? FileManager.default.removeItem(at: wrong) }
        // As many mistakes as the validator must count: each on a line of its own.
        let mistakes = [
            "name: Lab_Node", "platfrom: x86_64", "base: {components: [nonfree]}", "packages: vim-tiny",
            "hostname: -dash", "users: {Root: {}}", "files: {/etc/../x: {text: a}}", "memory: 1 GB", "root: disk",
            "time-zone: ../etc", "kernel: {parameters: [two words]}",
        ]
        try Data(("version: 1\n" + mistakes.joined(separator: "\n") + "\n").utf8).write(to: wrong)
        let answer = try Self.python(
            script, ["SCHEMA": ConfigurationReference.systemSchema(), "FILES": wrong.path()])
        #expect(answer.output == "\(mistakes.count)\n", "\(answer.errors)")
    }

    private static func python(
        _ script: String, _ environment: [String: String]
    ) throws -> (status: Int32, output: String, errors: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let printed = try output.fileHandleForReading.readToEnd() ?? Data()
        let complained = try errors.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (
            process.terminationStatus, String(decoding: printed, as: UTF8.self),
            String(decoding: complained, as: UTF8.self)
        )
    }
}
