import ArgumentParser

/// `bootferry show`: the first two values of the straight line.
struct ShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show a system as it was written, or as it is meant.",
        discussion: """
            'show config' lists every value with the file, line and column it was written at, imports merged.
            'show system' prints the resolved system, every default filled in.
            """)

    enum Stage: String, ExpressibleByArgument, CaseIterable { case config, system }

    @Argument(help: "What to show: \(Stage.allCases.map(\.rawValue).joined(separator: " or ")).")
    var stage: Stage
    @Argument(help: "The system.")
    var system: String
    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let source = try SystemSource(system, data: ProjectData(named: options.dataDirectory))
        let terminal = Terminal(quiet: options.quiet)
        let text =
            switch (stage, options.json) {
            case (.config, false): source.configuration.rendered()
            case (.system, false): source.system.rendered()
            case (_, true): source.system.renderedJSON()
            }
        terminal.result(text.hasSuffix("\n") ? String(text.dropLast()) : text)
    }
}
