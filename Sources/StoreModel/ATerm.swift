/// The ATerm grammar's writer side: tuples and lists are the caller's, strings are escaped here.
struct ATermText {
    private(set) var bytes: [UInt8] = []

    mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    mutating func string(_ text: String) {
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { text in
            // Nearly every string of a plan is plain, and a plan has thousands.
            if text.contains(where: { ATermText.escape(of: $0) != nil }) {
                for byte in text {
                    if let escape = ATermText.escape(of: byte) {
                        bytes.append(UInt8(ascii: "\\"))
                        bytes.append(escape)
                    } else {
                        bytes.append(byte)
                    }
                }
            } else {
                bytes.append(contentsOf: text)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// What follows the backslash for a byte that needs one.
    private static func escape(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
        case UInt8(ascii: "\n"): UInt8(ascii: "n")
        case UInt8(ascii: "\r"): UInt8(ascii: "r")
        case UInt8(ascii: "\t"): UInt8(ascii: "t")
        default: nil
        }
    }

    mutating func list<T>(_ items: [T], _ write: (inout ATermText, T) -> Void) {
        bytes.append(UInt8(ascii: "["))
        for (i, item) in items.enumerated() {
            if i > 0 { bytes.append(UInt8(ascii: ",")) }
            write(&self, item)
        }
        bytes.append(UInt8(ascii: "]"))
    }
}

/// The ATerm grammar's reader side; the input is in memory, so its length bounds every string and list.
struct ATermReader {
    private let bytes: [UInt8]
    private var position = 0
    private let subject: String

    init(_ bytes: [UInt8], subject: String) {
        self.bytes = bytes
        self.subject = subject
    }

    func failure(_ message: String) -> StoreModelError {
        StoreModelError(subject, "at byte \(position): \(message)")
    }

    mutating func expect(_ text: StaticString) throws(StoreModelError) {
        let matches = text.withUTF8Buffer { bytes[position...].starts(with: $0) }
        guard matches else { throw failure("expected '\(text)'") }
        position += text.utf8CodeUnitCount
    }

    mutating func string() throws(StoreModelError) -> String {
        try expect("\"")
        var content: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "\"") {
                // Text that is not UTF-8 cannot be kept in a String, and would not be written back the same.
                guard let text = String(validating: content, as: UTF8.self) else {
                    throw failure("a string is not UTF-8")
                }
                return text
            }
            guard byte == UInt8(ascii: "\\") else {
                content.append(byte)
                continue
            }
            guard position < bytes.count else { break }
            let escaped = bytes[position]
            position += 1
            switch escaped {
            case UInt8(ascii: "n"): content.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "r"): content.append(UInt8(ascii: "\r"))
            case UInt8(ascii: "t"): content.append(UInt8(ascii: "\t"))
            default: content.append(escaped)
            }
        }
        throw failure("a string does not end")
    }

    mutating func list<T>(
        _ item: (inout ATermReader) throws(StoreModelError) -> T
    ) throws(StoreModelError) -> [T] {
        try expect("[")
        var items: [T] = []
        if position < bytes.count, bytes[position] == UInt8(ascii: "]") {
            position += 1
            return items
        }
        while true {
            items.append(try item(&self))
            if position < bytes.count, bytes[position] == UInt8(ascii: ",") {
                position += 1
            } else {
                try expect("]")
                return items
            }
        }
    }
}
