import Foundation

/// A value as JSON that is the same text every time: keys sorted, slashes as they are.
///
/// On one line, as derivations carry it; or, `readable`, indented and with a final line break, as files do.
public func canonicalJSON(_ value: some Encodable, readable: Bool = false) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if readable { encoder.outputFormatting.insert(.prettyPrinted) }
    return String(decoding: try encoder.encode(value), as: UTF8.self) + (readable ? "\n" : "")
}
