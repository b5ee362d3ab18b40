import Commands
import Testing

@Suite struct ConsoleTextTests {
    private func lines(_ text: String) -> [String] {
        var console = ConsoleText()
        return console.take(Array(text.utf8)) + [console.pending]
    }

    @Test func `a line ends at its line feed, and what follows is pending`() {
        #expect(lines("one\r\ntwo\nlogin: ") == ["one", "two", "login:"])
    }

    @Test func `a line split over two reads is one line`() {
        var console = ConsoleText()
        #expect(console.take(Array("Debian ".utf8)) == [])
        #expect(console.pending == "Debian")
        #expect(console.take(Array("GNU/Linux\n".utf8)) == ["Debian GNU/Linux"])
    }

    @Test func `escape sequences are dropped wherever a read splits them`() {
        let text = Array("\u{1b}[2J\u{1b}[01;01Hred\u{1b}[0;31m fish\u{1b}]0;title\u{7}\u{1b}(B\n".utf8)
        for split in text.indices {
            var console = ConsoleText()
            let found = console.take(text[..<split]) + console.take(text[split...])
            #expect(found == ["red fish"])
        }
    }

    @Test func `a node that never ends its line cannot make us hold it all`() {
        var console = ConsoleText()
        let found = console.take([UInt8](repeating: 0x61, count: 10_000))
        #expect(found.map(\.count) == [4096, 4096])
        #expect(console.pending.count == 10_000 - 8192)
    }
}
