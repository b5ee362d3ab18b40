import StoreModel

/// A text with signatures below it, each on a line `Sig: KEY:BASE64`.
public struct SignedText: Sendable, Equatable {
    /// Ends with a line feed.
    public var text: String
    public var signatures: [Signature]

    /// Signs a text.
    public init(_ text: String, by key: SigningKey) throws(StoreModelError) {
        self.text = text
        signatures = [try key.sign(text)]
    }

    /// Reads bytes; what names the file they came from is in errors.
    public init(parsing bytes: [UInt8], of file: String) throws(StoreModelError) {
        guard let whole = String(validating: bytes, as: UTF8.self) else {
            throw StoreModelError("'\(file)'", "is not UTF-8 text")
        }
        var lines = whole.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.popLast()?.isEmpty ?? false else { throw StoreModelError("'\(file)'", "its last line has no end") }
        var signatures: [Signature] = []
        var count = whole.utf8.count
        while let line = lines.last, line.starts(with: Self.prefix.utf8) {
            guard signatures.count < Self.mostSignatures else {
                throw StoreModelError("'\(file)'", "has more than \(Self.mostSignatures) signatures")
            }
            signatures.append(try Signature(parsing: Substring(line.dropFirst(Self.prefix.utf8.count))))
            count -= line.count + 1
            lines.removeLast()
        }
        self.signatures = signatures.reversed()
        text = String(Substring(whole.utf8.prefix(count)))
    }

    /// The file's content.
    public var whole: String { text + signatures.map { "\(Self.prefix)\($0)\n" }.joined() }

    private static let prefix = "Sig: "
    private static let mostSignatures = 16
}
