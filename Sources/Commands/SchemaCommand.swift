import ArgumentParser
import SystemModel

/// `bootferry schema`: what configurations may say, for editors and validators.
struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of the files that people write.",
        discussion: """
            The schema (draft 2020-12) comes from the same tables as the parser. Editors with a YAML language server
            complete and check by it:

              bootferry schema > system.schema.json
              # yaml-language-server: $schema=system.schema.json
            """)

    enum Kind: String, ExpressibleByArgument, CaseIterable { case system, platform, board, recipe, site }

    @Argument(help: "Which file: \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var kind = Kind.system

    @Flag(help: "Print the reference page, docs/configuration.md, instead.")
    var reference = false

    func run() {
        let text =
            if reference {
                ConfigurationReference.page()
            } else {
                switch kind {
                case .system: ConfigurationReference.systemSchema()
                case .platform: ConfigurationReference.platformSchema()
                case .board: ConfigurationReference.boardSchema()
                case .recipe: ConfigurationReference.recipeSchema()
                case .site: ConfigurationReference.siteSchema()
                }
            }
        Terminal().result(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    }
}
