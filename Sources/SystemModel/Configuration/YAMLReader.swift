// Yams throws at the first mapping with a duplicate key, and expands aliases on the way: the events of the libyaml
// that it carries are read here instead, so that one pass can report everything.
internal import CYaml
import Diagnostics

/// Reads one YAML document into a `YAMLNode`, reporting every problem it can go on from.
///
/// The subset: one document; text, lists and records; the tags `!override` and `!remove`. Anchors and aliases are
/// refused (an alias hides where a value was written, and a few of them can stand for gigabytes), and so is
/// nesting deeper than `maximumDepth`. YAML 1.1, as libyaml reads it.
struct YAMLReader: ~Copyable {
    /// Bytes of one file.
    static let maximumSize = 1 << 20
    static let maximumDepth = 32

    // On the heap: libyaml keeps the parser's own address inside it.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let file: String
    private(set) var problems: [ConfigurationProblem] = []

    /// Thrown inside only, when libyaml can read no further; the problem is already recorded.
    private struct Stopped: Error {}

    private init(file: String) {
        self.file = file
        parser = .allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        yaml_parser_initialize(parser)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The root of the document in `bytes`, or nil when its syntax is broken or it is empty.
    ///
    /// `problems` gains what is wrong, with positions in `file`.
    static func read(
        _ bytes: [UInt8], file: String, maximumSize: Int = YAMLReader.maximumSize,
        problems: inout [ConfigurationProblem]
    ) -> YAMLNode? {
        let start = SourcePosition(file: file, line: 1, column: 1)
        guard bytes.count <= maximumSize else {
            problems.append(.init(start, "", "the file has \(bytes.count) bytes, expected at most \(maximumSize)"))
            return nil
        }
        if let bad = firstInvalidUTF8(bytes) {
            problems.append(.init(position(ofByte: bad, in: bytes, file: file), "", "not valid UTF-8"))
            return nil
        }
        return bytes.withUnsafeBufferPointer { buffer in
            var reader = YAMLReader(file: file)
            yaml_parser_set_encoding(reader.parser, YAML_UTF8_ENCODING)
            yaml_parser_set_input_string(reader.parser, buffer.baseAddress, buffer.count)
            let node = try? reader.document(buffer)
            problems += reader.problems
            if node == nil, reader.problems.isEmpty {
                problems.append(.init(start, "", "the file is empty, expected a record"))
            }
            return node
        }
    }

    private mutating func document(_ bytes: UnsafeBufferPointer<UInt8>) throws -> YAMLNode? {
        do {
            try skip()  // The stream's start.
            var event = try next()
            guard event.type == YAML_DOCUMENT_START_EVENT else {
                yaml_event_delete(&event)
                return nil
            }
            yaml_event_delete(&event)
            let node = try node(from: next(), depth: 0)
            try skip()  // The document's end.
            event = try next()
            defer { yaml_event_delete(&event) }
            if event.type != YAML_STREAM_END_EVENT {
                report(position(event.start_mark), "a second document begins here, expected one in a file")
            }
            return node
        } catch {
            reportSyntax(bytes)
            throw error
        }
    }

    private mutating func next() throws -> yaml_event_t {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw Stopped() }
        return event
    }

    private mutating func skip() throws {
        var event = try next()
        yaml_event_delete(&event)
    }

    private mutating func node(from event: yaml_event_t, depth: Int) throws -> YAMLNode {
        var event = event
        defer { yaml_event_delete(&event) }
        let position = position(event.start_mark)
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            refuseAnchor(scalar.anchor, at: position)
            let text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            return YAMLNode(
                content: .text(text, quoted: scalar.style != YAML_PLAIN_SCALAR_STYLE), position: position,
                mark: mark(scalar.tag, at: position))
        case YAML_SEQUENCE_START_EVENT:
            refuseAnchor(event.data.sequence_start.anchor, at: position)
            let mark = mark(event.data.sequence_start.tag, at: position)
            return YAMLNode(content: .list(try list(depth: depth, at: position)), position: position, mark: mark)
        case YAML_MAPPING_START_EVENT:
            refuseAnchor(event.data.mapping_start.anchor, at: position)
            let mark = mark(event.data.mapping_start.tag, at: position)
            return YAMLNode(content: .record(try record(depth: depth, at: position)), position: position, mark: mark)
        default:
            report(position, "aliases (`*name`) are not read; import a file, or write the value again")
            return YAMLNode(content: .text("", quoted: true), position: position)
        }
    }

    private mutating func list(depth: Int, at start: SourcePosition) throws -> [YAMLNode] {
        try checkDepth(depth, at: start)
        var elements: [YAMLNode] = []
        while true {
            var event = try next()
            if event.type == YAML_SEQUENCE_END_EVENT {
                yaml_event_delete(&event)
                return elements
            }
            elements.append(try node(from: event, depth: depth + 1))
        }
    }

    private mutating func record(depth: Int, at start: SourcePosition) throws -> [YAMLNode.Entry] {
        try checkDepth(depth, at: start)
        var entries: [YAMLNode.Entry] = []
        var places: [String: SourcePosition] = [:]
        while true {
            var event = try next()
            if event.type == YAML_MAPPING_END_EVENT {
                yaml_event_delete(&event)
                return entries
            }
            let key = try node(from: event, depth: depth + 1)
            let value = try node(from: next(), depth: depth + 1)
            guard let name = key.text else {
                report(key.position, "expected a key, found \(key.noun)")
                continue
            }
            if let first = places[name] {
                problems.append(.init(key.position, name, "the key is given twice; first at \(first)"))
            } else {
                places[name] = key.position
                entries.append(.init(key: name, position: key.position, value: value))
            }
        }
    }

    private mutating func checkDepth(_ depth: Int, at position: SourcePosition) throws {
        guard depth >= Self.maximumDepth else { return }
        report(position, "nested more than \(Self.maximumDepth) deep")
        throw Stopped()
    }

    private mutating func refuseAnchor(_ anchor: UnsafeMutablePointer<UInt8>?, at position: SourcePosition) {
        guard anchor != nil else { return }
        report(position, "anchors (`&name`) are not read; import a file, or write the value again")
    }

    private mutating func mark(_ tag: UnsafeMutablePointer<UInt8>?, at position: SourcePosition) -> YAMLNode.Mark? {
        guard let tag else { return nil }
        let name = String(cString: tag)
        if let mark = YAMLNode.Mark(rawValue: name) { return mark }
        if !["tag:yaml.org,2002:str", "!"].contains(name) {
            report(position, "unknown tag `\(name.shortened)`, expected `!override` or `!remove`")
        }
        return nil
    }

    private mutating func report(_ position: SourcePosition, _ message: String) {
        problems.append(.init(position, "", message))
    }

    private func position(_ mark: yaml_mark_t) -> SourcePosition {
        SourcePosition(file: file, line: mark.line + 1, column: mark.column + 1)
    }

    private mutating func reportSyntax(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard parser.pointee.error != YAML_NO_ERROR else { return }
        if parser.pointee.error == YAML_READER_ERROR {
            let place = Self.position(ofByte: parser.pointee.problem_offset, in: Array(bytes), file: file)
            return report(
                place, "not YAML: \(parser.pointee.problem.map { String(cString: $0) } ?? "unreadable character")")
        }
        let place = position(parser.pointee.problem_mark)
        let offset = Int(clamping: parser.pointee.problem_mark.index)
        if bytes.indices.contains(offset), bytes[offset] == UInt8(ascii: "\t") {
            return report(place, "a tab where YAML wants spaces")
        }
        var message = "not YAML: \(parser.pointee.problem.map { String(cString: $0) } ?? "syntax error")"
        if let context = parser.pointee.context {
            message += " \(String(cString: context))"
            if parser.pointee.context_mark.line > 0 || parser.pointee.context_mark.column > 0 {
                message += " that begins at line \(parser.pointee.context_mark.line + 1)"
            }
        }
        report(place, message)
    }

    private static func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        var parser = Unicode.UTF8.ForwardParser()
        var rest = bytes.makeIterator()
        var offset = 0
        while case .valid(let scalar) = parser.parseScalar(from: &rest) { offset += scalar.count }
        return offset
    }

    private static func position(ofByte offset: Int, in bytes: [UInt8], file: String) -> SourcePosition {
        let before = bytes.prefix(offset)
        let line = before.count { $0 == UInt8(ascii: "\n") }
        let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        return SourcePosition(file: file, line: line + 1, column: before.count - start + 1)
    }
}
