import SystemModel

/// What a person would type at a firmware that boots nothing by itself.
struct Typist: Sendable {
    private let prompt: String?
    private var commands: ArraySlice<String>

    init(_ firmware: Firmware) {
        prompt = firmware.prompt
        commands = firmware.commands[...]
    }

    /// The next command, where the console's unfinished line is the prompt; each is typed once.
    mutating func command(at pending: String) -> String? {
        guard let prompt, pending == prompt else { return nil }
        return commands.popFirst()
    }
}
