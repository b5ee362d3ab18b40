import SystemModel

/// What a person would type at a firmware that boots nothing by itself.
struct Typist: Sendable {
    private let prompt: String?
    private var commands: ArraySlice<String>
    /// Typed and not entered yet.
    private var typed: String?

    init(prompt: String?, commands: [String]) {
        self.prompt = prompt
        self.commands = commands[...]
    }

    init(_ firmware: Firmware) { self.init(prompt: firmware.prompt, commands: firmware.commands) }

    /// What to type now, where `pending` is the console's unfinished line: a command at the prompt, once, and Return when the
    /// firmware has echoed the whole of it.
    ///
    /// Without that wait a prompt whose last character comes late (`=>`, then a space) would be two, and the second command be typed
    /// while the first runs: U-Boot, which looks for Ctrl-C then, throws away what it finds.
    mutating func keys(at pending: String) -> String? {
        guard let prompt, pending.hasPrefix(prompt) else { return nil }
        let echoed = pending.dropFirst(prompt.count).drop { $0 == " " }
        if let command = typed {
            guard echoed == command else { return nil }
            typed = nil
            return "\r"
        }
        guard echoed.isEmpty else { return nil }
        typed = commands.popFirst()
        return typed
    }
}
