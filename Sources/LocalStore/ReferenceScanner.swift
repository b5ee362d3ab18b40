import StoreModel

/// Finds which store objects a tree names, by their digest parts, as Nix does.
///
/// Fed with pieces that overlap by 31 bytes, so that nothing hides on a border. From the end of each window of 32 bytes it
/// looks backwards for a byte that is no nix32 digit and skips past it, so most of a binary is never looked at.
struct ReferenceScanner {
    private let candidates: [[UInt8]: StorePath]
    private let own: [UInt8]?
    private(set) var found: Set<StorePath> = []

    /// Bytes that one piece must share with the next.
    static let overlap = StorePath.hashPartCount - 1

    init(candidates: Set<StorePath>, own: String?) {
        self.candidates = Dictionary(candidates.map { (Array($0.hashPart.utf8), $0) }) { first, _ in first }
        self.own = own.map { Array($0.utf8) }
    }

    /// Notes the references in a piece, and gives the offsets where the object names itself.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) -> [Int] {
        let count = StorePath.hashPartCount
        guard bytes.count >= count, own != nil || !candidates.isEmpty else { return [] }
        var ownOffsets: [Int] = []
        Nix32.digitTable.withUnsafeBufferPointer { isDigit in
            var start = 0
            var key = [UInt8](repeating: 0, count: count)
            while start <= bytes.count - count {
                var last = count - 1
                while last >= 0, isDigit[Int(bytes[start + last])] { last -= 1 }
                guard last < 0 else {
                    start += last + 1
                    continue
                }
                key.withUnsafeMutableBytes { $0.copyMemory(from: .init(rebasing: bytes[start..<start + count])) }
                if let path = candidates[key] {
                    found.insert(path)
                    start += count
                } else if key == own {
                    ownOffsets.append(start)
                    start += count
                } else {
                    start += 1
                }
            }
        }
        return ownOffsets
    }
}
