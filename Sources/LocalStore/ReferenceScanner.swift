import StoreModel

/// Finds which store objects a tree names, by their digest parts, as Nix does.
///
/// Fed with pieces that overlap by 31 bytes, so that nothing hides on a border. From the end of each window of 32 bytes it
/// looks backwards for a byte that is no nix32 digit and skips past it, so most of a binary is never looked at.
struct ReferenceScanner {
    private var candidates: [[UInt8]: StorePath] = [:]
    private var furtherCandidates: (() throws -> Set<StorePath>)?
    private let own: [UInt8]?
    private(set) var found: Set<StorePath> = []

    /// Bytes that one piece must share with the next.
    static let overlap = StorePath.hashPartCount - 1

    /// - Parameter furtherCandidates: asked once, at the first run of digits that is none of `candidates`: a small object
    ///   that names its own inputs alone needs no look at all that those refer to.
    init(candidates: Set<StorePath>, furtherCandidates: (() throws -> Set<StorePath>)? = nil, own: String?) {
        self.furtherCandidates = furtherCandidates
        self.own = own.map { Array($0.utf8) }
        look(for: candidates)
    }

    private mutating func look(for paths: Set<StorePath>) {
        for path in paths { candidates[Array(path.hashPart.utf8)] = path }
    }

    private mutating func candidate(_ key: [UInt8]) throws -> StorePath? {
        if let path = candidates[key] { return path }
        guard key != own, let further = furtherCandidates else { return nil }
        furtherCandidates = nil
        look(for: try further())
        return candidates[key]
    }

    /// Notes the references in a piece, and gives the offsets where the object names itself.
    mutating func scan(_ bytes: UnsafeRawBufferPointer) throws -> [Int] {
        let count = StorePath.hashPartCount
        guard bytes.count >= count, own != nil || furtherCandidates != nil || !candidates.isEmpty else { return [] }
        var ownOffsets: [Int] = []
        try Nix32.digitTable.withUnsafeBufferPointer { isDigit in
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
                if let path = try candidate(key) {
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
