/// Turns a serial console's bytes into plain lines: escape sequences, which firmware sends by the screenful,
/// are dropped, and a line is what ends with a line feed.
///
/// A prompt has no line feed, so `pending` can be looked at too.
package struct ConsoleText {
    /// What came since the last line feed.
    package var pending: String { Self.text(line) }

    private var line: [UInt8] = []
    private var state = State.text

    package init() {}

    private enum State {
        case text, escape, controlSequence, string
    }

    /// A line longer than this is broken, so that a node cannot make us hold its whole output.
    static let longestLine = 4096

    /// Takes bytes in; returns the lines that they complete.
    package mutating func take(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            switch (state, byte) {
            case (.text, 0x1b): state = .escape
            case (.text, 0x0a):
                lines.append(Self.text(line))
                line = []
            case (.text, 0x09), (.text, 0x20...0x7e), (.text, 0x80...):
                line.append(byte)
                if line.count >= Self.longestLine {
                    lines.append(Self.text(line))
                    line = []
                }
            case (.text, _): break
            case (.escape, UInt8(ascii: "[")): state = .controlSequence
            case (.escape, UInt8(ascii: "]")), (.escape, UInt8(ascii: "P")): state = .string
            case (.escape, 0x20...0x2f): break
            case (.escape, _): state = .text
            // ECMA-48 5.4: parameter and intermediate bytes, then one final byte from 0x40 to 0x7e.
            case (.controlSequence, 0x40...0x7e): state = .text
            case (.controlSequence, _): break
            case (.string, 0x07): state = .text
            case (.string, 0x1b): state = .escape
            case (.string, _): break
            }
        }
        return lines
    }

    private static func text(_ bytes: [UInt8]) -> String {
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
