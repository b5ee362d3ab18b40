/// A Debian version `[EPOCH:]UPSTREAM[-REVISION]`, ordered exactly as dpkg orders it (deb-version(7), Policy 5.6.12).
public struct DebianVersion: Sendable, Comparable, CustomStringConvertible {
    public let epoch: Int
    public let upstream: String
    /// Empty where there is none, which sorts as `0` does.
    public let revision: String

    /// nil when `text` is no version: an epoch that is no number of 31 bits, an empty part, a foreign character.
    public init?(_ text: some StringProtocol) {
        guard (1...256).contains(text.utf8.count) else { return nil }
        var rest = Substring(text)
        if let colon = rest.firstIndex(of: ":") {
            let digits = rest[..<colon]
            guard digits.utf8.allSatisfy(isDigit), let number = Int32(digits) else { return nil }
            epoch = Int(number)
            rest = rest[rest.index(after: colon)...]
        } else {
            epoch = 0
        }
        if let dash = rest.lastIndex(of: "-") {
            revision = String(rest[rest.index(after: dash)...])
            guard !revision.isEmpty else { return nil }
            rest = rest[..<dash]
        } else {
            revision = ""
        }
        upstream = String(rest)
        // dpkg wants a digit first in the upstream part, and refuses anything but these characters.
        guard let first = upstream.utf8.first, isDigit(first),
            upstream.utf8.allSatisfy({ isAlphanumeric($0) || ".-+~:".utf8.contains($0) }),
            revision.utf8.allSatisfy({ isAlphanumeric($0) || ".+~".utf8.contains($0) })
        else { return nil }
    }

    public var description: String {
        (epoch == 0 ? "" : "\(epoch):") + upstream + (revision.isEmpty ? "" : "-\(revision)")
    }

    public static func < (a: DebianVersion, b: DebianVersion) -> Bool { a.compare(b) < 0 }

    /// Equal as dpkg sees it: `1.0` and `1.0-0` and `01.0` are.
    public static func == (a: DebianVersion, b: DebianVersion) -> Bool { a.compare(b) == 0 }

    private func compare(_ other: DebianVersion) -> Int {
        if epoch != other.epoch { return epoch < other.epoch ? -1 : 1 }
        let order = compareParts(Array(upstream.utf8), Array(other.upstream.utf8))
        return order != 0 ? order : compareParts(Array(revision.utf8), Array(other.revision.utf8))
    }
}

/// Alternating runs of non-digits and digits; `~` sorts before the end, letters before everything else.
private func compareParts(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var i = 0
    var j = 0
    while i < a.count || j < b.count {
        while (i < a.count && !isDigit(a[i])) || (j < b.count && !isDigit(b[j])) {
            let left = i < a.count ? weight(a[i]) : 0
            let right = j < b.count ? weight(b[j]) : 0
            if left != right { return left < right ? -1 : 1 }
            i += 1
            j += 1
        }
        while i < a.count, a[i] == UInt8(ascii: "0") { i += 1 }
        while j < b.count, b[j] == UInt8(ascii: "0") { j += 1 }
        var difference = 0
        while i < a.count, isDigit(a[i]), j < b.count, isDigit(b[j]) {
            if difference == 0, a[i] != b[j] { difference = a[i] < b[j] ? -1 : 1 }
            i += 1
            j += 1
        }
        if i < a.count, isDigit(a[i]) { return 1 }
        if j < b.count, isDigit(b[j]) { return -1 }
        if difference != 0 { return difference }
    }
    return 0
}

private func weight(_ byte: UInt8) -> Int {
    if isDigit(byte) { return 0 }
    if byte == UInt8(ascii: "~") { return -1 }
    return isAlphanumeric(byte) ? Int(byte) : Int(byte) + 256
}

private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    isDigit(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
}
