import ArgumentParser

/// Options that every verb has which works on the store or on a system.
struct WorkspaceOptions: ParsableArguments {
    @Option(
        name: .customLong("state-dir"),
        help: ArgumentHelp(
            "Where the store, locks of builds and generations lie.",
            discussion:
                "By default BOOTFERRY_STATE_DIR, else XDG_STATE_HOME/bootferry, else ~/.local/state/bootferry.",
            valueName: "dir"))
    var stateDirectory: String?

    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("The folder that holds 'targets' and 'netboot'; found beside the program.", valueName: "dir")
    )
    var dataDirectory: String?

    @Flag(name: .shortAndLong, help: "Print results and errors only.")
    var quiet = false

    @Flag(help: "Print the result as JSON on standard output.")
    var json = false
}
