/// What a value must look like: the one description that parsing, the reference page and the JSON Schema share.
indirect enum Shape: Sendable {
    case text(TextKind)
    case list(of: Shape)
    /// A record with known keys.
    case record([Field])
    /// A record whose keys the person chooses.
    case map(keys: TextKind, values: Shape)
    /// Text, or a record that says more.
    case textOrRecord(TextKind, [Field])

    /// For `expected …, found …`.
    var noun: String {
        switch self {
        case .text(let kind): kind.noun
        case .list(.text(let kind)): "a list, each element \(kind.noun)"
        case .list(.textOrRecord(let kind, let fields)):
            "a list, each element \(Shape.textOrRecord(kind, fields).noun)"
        case .list: "a list"
        case .record(let fields): "a record with \(fields.map { "`\($0.key)`" }.joined(separator: ", "))"
        case .map(let keys, _): "a record keyed by \(keys.noun)"
        case .textOrRecord(let kind, let fields): "\(kind.noun), or \(Shape.record(fields).noun)"
        }
    }
}

/// One key of a record: a row of a field table.
struct Field: Sendable {
    let key: String
    let shape: Shape
    /// What holds when the key is absent, as the reference page puts it; nil for a key that must be given.
    let fallback: String?
    /// One sentence.
    let purpose: String

    init(_ key: String, _ shape: Shape, default fallback: String?, _ purpose: String) {
        self.key = key
        self.shape = shape
        self.fallback = fallback
        self.purpose = purpose
    }
}

/// A kind of text: a name for it, and what it may hold.
struct TextKind: Sendable {
    enum Rule: Sendable {
        /// Characters and lengths, written as in a regular expression's brackets (ranges, no classes, no escapes).
        case characters(first: String, rest: String, length: ClosedRange<Int>)
        case choice([String])
        case integer(ClosedRange<Int>)
        /// A check in code, with the pattern that tells a JSON Schema validator as much of it as a pattern can.
        case checked(pattern: String?, @Sendable (String) -> Bool)
    }

    /// Such as `a package name`.
    let noun: String
    /// What such a text consists of, for messages and the reference page; empty where the noun says it.
    let detail: String
    let rule: Rule
    /// A message must not show what was written: it may be a password in the clear.
    let isSecret: Bool
    /// Of a rule about characters: those a text may begin with, and those that may follow.
    private var sets = (first: ByteSet(""), rest: ByteSet(""))

    init(_ noun: String, detail: String = "", isSecret: Bool = false, _ rule: Rule) {
        self.noun = noun
        self.detail = detail
        self.isSecret = isSecret
        self.rule = rule
        if case .characters(let first, let rest, _) = rule { sets = (ByteSet(first), ByteSet(rest)) }
    }

    func accepts(_ text: String) -> Bool {
        switch rule {
        case .characters(_, _, let length):
            let bytes = text.utf8
            guard length.contains(bytes.count), let head = bytes.first else { return false }
            return sets.first.contains(head) && bytes.dropFirst().allSatisfy(sets.rest.contains)
        case .choice(let words): return words.contains(text)
        case .integer(let range): return Int(text).map { range.contains($0) && String($0) == text } ?? false
        case .checked(_, let check): return check(text)
        }
    }

    /// An ECMA-262 regular expression, anchored; nil where any text matches or the schema has a better word.
    var pattern: String? {
        switch rule {
        case .characters(let first, let rest, let length):
            let escaped = rest.replacing("[", with: "\\[").replacing("]", with: "\\]")
            return "^[\(first)][\(escaped)]{\(length.lowerBound - 1),\(length.upperBound - 1)}$"
        case .checked(let pattern, _): return pattern
        case .choice, .integer: return nil
        }
    }
}

/// A set of ASCII bytes, read from the inside of a regular expression's brackets.
private struct ByteSet: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(_ text: String) {
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            if index + 2 < bytes.count, bytes[index + 1] == UInt8(ascii: "-"), bytes[index] <= bytes[index + 2] {
                for byte in bytes[index]...bytes[index + 2] { insert(byte) }
                index += 3
            } else {
                insert(bytes[index])
                index += 1
            }
        }
    }

    private mutating func insert(_ byte: UInt8) {
        if byte < 64 { low |= 1 << UInt64(byte) } else if byte < 128 { high |= 1 << UInt64(byte - 64) }
    }

    func contains(_ byte: UInt8) -> Bool {
        byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte - 64) & 1 == 1
    }
}
