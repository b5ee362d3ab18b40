import Testing

@testable import Commands

struct TypistTests {
    /// What stands on the console's last line, piece by piece as it may come, and what is typed at each.
    private func typed(at pending: [String]) -> [String] {
        var typist = Typist(prompt: "=>", commands: ["dhcp", "source $loadaddr"])
        return pending.compactMap { typist.keys(at: $0) }
    }

    @Test func `a command is entered once its echo is whole, and the next waits for its own prompt`() {
        #expect(
            typed(at: [
                "U-Boot", "=", "=>", "=> d", "=> dhc", "=> dhcp", "=> dhcp", "", "BOOTP broadcast 1", "=>",
                "=> source $loadaddr",
                "", "=>",
            ]) == ["dhcp", "\r", "source $loadaddr", "\r"])
    }

    @Test func `a prompt whose space comes late is one prompt`() {
        #expect(typed(at: ["=>", "=>", "=>", "=> dhcp", "=> dhcp"]) == ["dhcp", "\r"])
    }

    @Test func `a firmware without a prompt is left alone`() {
        var typist = Typist(prompt: nil, commands: [])
        #expect(typist.keys(at: "=>") == nil)
    }
}
