import ArgumentParser

/// For which board a system is made, where its configuration does not say.
struct BoardOption: ParsableArguments {
    @Option(
        name: .customLong("board"),
        help: ArgumentHelp(
            "A file of 'targets/boards', in place of the system's own 'board'; its system is called SYSTEM-BOARD.",
            valueName: "board"))
    var name: String?
}
