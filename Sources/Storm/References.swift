import Glibc
import OpenSSL

/// The bytes that downloads are compared with: those of the first that came, whose digest the report tells.
///
/// Comparing costs a tenth of hashing every download, and finds the same.
struct References {
    private struct Reference {
        var bytes: [UInt8]
        var isWhole = false
        var downloads = 0
        var isWrong = false
    }

    private var byName: [String: Reference] = [:]
    private let expected: [String: String]
    private(set) var wrong = 0

    init(expected: [String: String]) { self.expected = expected }

    /// A download's bytes, compared as they come.
    struct Download {
        fileprivate var name: String
        fileprivate var own: [UInt8]?
        fileprivate var differences = 0
        private(set) var count = 0

        fileprivate mutating func add(_ bytes: UnsafeRawBufferPointer, to reference: [UInt8]?) {
            if own != nil {
                own?.append(contentsOf: bytes)
            } else if let reference {
                differences += Self.differences(bytes, reference, from: count)
            }
            count += bytes.count
        }

        private static func differences(_ bytes: UnsafeRawBufferPointer, _ reference: [UInt8], from start: Int) -> Int {
            guard start + bytes.count <= reference.count else { return bytes.count }
            return reference.withUnsafeBytes { whole in
                let part = UnsafeRawBufferPointer(rebasing: whole[start..<(start + bytes.count)])
                guard let one = part.baseAddress, let other = bytes.baseAddress else { return 0 }
                return memcmp(one, other, bytes.count) == 0 ? 0 : zip(part, bytes).count { $0 != $1 }
            }
        }
    }

    /// `name`: the same for every node that asks for the same bytes.
    func begin(_ name: String) -> Download {
        Download(name: name, own: byName[name]?.isWhole == true ? nil : [])
    }

    func add(_ bytes: UnsafeRawBufferPointer, to download: inout Download) {
        download.add(bytes, to: download.own == nil ? byName[download.name]?.bytes : nil)
    }

    /// Whether the bytes are right. A system as one file carries its boot's own kernel parameters, so `mayDiffer` bytes may
    /// be others.
    mutating func finish(_ download: Download, mayDiffer: Int = 0) -> Bool {
        let name = download.name
        if let own = download.own {
            if let known = byName[name], known.isWhole {
                let differences = known.bytes.count == own.count ? zip(known.bytes, own).count { $0 != $1 } : .max
                return count(name, differences <= mayDiffer)
            }
            byName[name] = Reference(bytes: own, isWhole: true)
            let isExpected = expected[name].map { $0.lowercased() == Self.digest(own) } ?? true
            byName[name]?.isWrong = !isExpected
            return count(name, isExpected)
        }
        let isRight = download.count == byName[name]?.bytes.count && download.differences <= mayDiffer
        return count(name, isRight && byName[name]?.isWrong != true)
    }

    private mutating func count(_ name: String, _ isRight: Bool) -> Bool {
        if isRight { byName[name]?.downloads += 1 } else { wrong += 1 }
        return isRight
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        MessageDigest.hash(bytes, with: .sha256).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    var files: [StormReport.File] {
        byName.sorted { $0.key < $1.key }.map { name, reference in
            StormReport.File(
                name: name, size: reference.bytes.count, sha256: Self.digest(reference.bytes),
                downloads: reference.downloads)
        }
    }
}
