import OpenSSL

/// The digest of a NAR in which the object's own digest part counts as zeros, Nix's "hash modulo".
///
/// Nix appends `|OFFSET` for each place, in order, so that moving a reference changes the digest. Without any it is the
/// plain digest.
public final class SelfReferenceHash {
    private let digest = SHA256()
    private var offsets: [Int] = []
    /// Index in `offsets` of the first place not wholly passed.
    private var next = 0
    private var position = 0

    public init() {}

    /// States a place in the archive, ascending, before any of its bytes are fed.
    public func blank(at offset: Int) { offsets.append(offset) }

    /// Feeds the archive's next bytes as they are.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        var fed = 0
        while next < offsets.count, offsets[next] < position + bytes.count {
            let start = max(offsets[next] - position, fed)
            let end = min(offsets[next] + StorePath.hashPartCount - position, bytes.count)
            digest.update(UnsafeRawBufferPointer(rebasing: bytes[fed..<start]))
            digest.update([UInt8](repeating: 0, count: end - start))
            fed = end
            // The rest of this place comes with the next bytes.
            guard offsets[next] + StorePath.hashPartCount <= position + bytes.count else { break }
            next += 1
        }
        digest.update(UnsafeRawBufferPointer(rebasing: bytes[fed...]))
        position += bytes.count
    }

    /// The digest of all that came, with every own path blanked.
    public func finalize() -> Digest {
        for offset in offsets { digest.update("|\(offset)") }
        return Digest(finishing: digest)
    }
}

/// A NAR made content-addressed: moved from the path it was made under to the one its content gives.
public struct ContentAddressing: Sendable, Equatable {
    /// The final path.
    public let path: StorePath
    /// What the path follows from.
    public let contentAddress: ContentAddress
    /// Of the NAR with references rewritten.
    public let narHash: Digest
    /// Offsets in the NAR where the object names itself.
    public let selfOffsets: [Int]
    /// The NAR with the old path replaced by the final one.
    public let nar: [UInt8]

    /// Rewrites a small NAR in memory, `oldPath` being what it calls itself and `rewrites` its other references' new paths.
    ///
    /// `LocalStore.addContentAddressed` does the same on disk, for objects of any size.
    public init(
        nar: [UInt8], oldPath: StorePath, references: Set<StorePath> = [], rewrites: [StorePath: StorePath] = [:]
    ) throws(StoreModelError) {
        var bytes = nar
        for (old, new) in rewrites {
            ContentAddressing.replace(old.hashPart, by: Array(new.hashPart.utf8), in: &bytes)
        }
        let blank = [UInt8](repeating: 0, count: StorePath.hashPartCount)
        selfOffsets = ContentAddressing.replace(oldPath.hashPart, by: blank, in: &bytes)
        let digest = SelfReferenceHash()
        for offset in selfOffsets { digest.blank(at: offset) }
        bytes.withUnsafeBytes { digest.update($0) }
        let content = ContentAddress.fixed(.recursive, digest.finalize())
        path = try content.path(
            name: oldPath.name, references: Set(references.map { rewrites[$0] ?? $0 }),
            referencesSelf: !selfOffsets.isEmpty)
        contentAddress = content
        let own = Array(path.hashPart.utf8)
        for offset in selfOffsets { bytes.replaceSubrange(offset..<offset + own.count, with: own) }
        self.nar = bytes
        narHash = Digest.sha256(of: bytes)
    }

    @discardableResult
    private static func replace(_ part: String, by new: [UInt8], in bytes: inout [UInt8]) -> [Int] {
        let part = Array(part.utf8)
        var offsets: [Int] = []
        var i = 0
        while i + part.count <= bytes.count {
            if bytes[i] == part[0], bytes[i..<i + part.count].elementsEqual(part) {
                bytes.replaceSubrange(i..<i + part.count, with: new)
                offsets.append(i)
                i += part.count
            } else {
                i += 1
            }
        }
        return offsets
    }
}
