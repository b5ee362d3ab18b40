import ArgumentParser
import Diagnostics
import Glibc
import SystemModel

/// The program: one verb a file.
public struct BootferryCommand: AsyncParsableCommand {
    public static let configuration = CommandConfiguration(
        commandName: "bootferry",
        abstract: "Build a diskless machine's whole system from one configuration, and boot it over the network.",
        discussion: """
            SYSTEM is a configuration file, a folder that holds a 'system.yaml', or the name of a folder in
            'targets/systems'.

            EXIT STATUS
              0  done
              1  a build, boot or server failed
              2  what was written in a file or on the command line is wrong
              3  bytes are not what their digest, signature or format says
              4  the network or a mirror did not answer
              5  the host lacks something; 'bootferry doctor' says what
            """,
        version: "0.1.0",
        subcommands: [],
        groupedSubcommands: [
            CommandGroup(
                name: "Making a system",
                subcommands: [
                    LockCommand.self, FetchCommand.self, BuildCommand.self, PlanCommand.self, ShowCommand.self,
                    WhyCommand.self, SchemaCommand.self, RecipeCommand.self, ShellCommand.self, RunCommand.self,
                ]),
            CommandGroup(
                name: "Booting it",
                subcommands: [
                    BootCommand.self, ServeCommand.self, NodeCommand.self, BootsCommand.self, PublishCommand.self,
                    RollbackCommand.self, StormCommand.self,
                ]),
            CommandGroup(
                name: "Carrying it by hand",
                subcommands: [
                    ExportCommand.self, ImportCommand.self, CheckoutCommand.self, InventoryCommand.self,
                    KeyCommand.self, ImageCommand.self,
                ]),
            CommandGroup(
                name: "Saying what it is",
                subcommands: [
                    SBOMCommand.self, LicensesCommand.self, SourcesCommand.self, DiffCommand.self,
                    ProvenanceCommand.self, VerifyProvenanceCommand.self,
                ]),
            CommandGroup(
                name: "Keeping the store",
                subcommands: [
                    GenerationsCommand.self, RootsCommand.self, GCCommand.self, VerifyCommand.self, DoctorCommand.self,
                ]),
        ])

    public init() {}

    /// Parses the command line, runs the verb, and ends the process with the status that its error stands for.
    public static func launch() async {
        // A reader that goes away (`bootferry plan | head`) must not end a build half-way with a signal.
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseVerb() ?? parseAsRoot()
            if var verb = command as? any AsyncParsableCommand {
                try await verb.run()
            } else {
                try command.run()
            }
        } catch let error as ConfigurationError {
            // Each line begins with its file:line:column, as editors expect.
            Terminal().error(error.description)
            Glibc.exit(error.kind.rawValue)
        } catch let error as any ExplainedError {
            Terminal().error("bootferry: \(error.description)")
            Glibc.exit(error.kind.rawValue)
        } catch {
            if exitCode(for: error) == .validationFailure {
                Terminal().error(fullMessage(for: error))
                Glibc.exit(FailureKind.usage.rawValue)
            }
            exit(withError: error)
        }
    }

    /// A line that one verb alone takes; nil for all that the whole program has to answer: help, mistakes, verbs of verbs.
    ///
    /// The parsers of all verbs together take 4 ms to make, a tenth of a rebuild.
    private static func parseVerb() -> (any ParsableCommand)? {
        let words = CommandLine.arguments.dropFirst()
        guard let name = words.first,
            let verb = configuration.groupedSubcommands.lazy.flatMap(\.subcommands).first(where: {
                $0.configuration.commandName == name
            }), let command = try? verb.parseAsRoot(Array(words.dropFirst())), type(of: command) == verb
        else { return nil }
        return command
    }
}
