import Building
import SystemPackage

/// Which paths the segments of an image carry, asked a few times: the lists are sorted, and searched as they are.
struct CarriedPaths {
    private let lists: [[UInt8]]

    init(segments: [FilePath]) throws {
        lists = try segments.map { try Tree.read($0.appending("contents")) }
    }

    enum Kind {
        case directory
        case other
    }

    /// What the last segment to carry `path` carries there; nil where none does.
    func kind(of path: String) -> Kind? {
        // What every root has, without looking.
        if ["etc", "root", "home", "usr", "usr/lib", "var"].contains(path) { return .directory }
        let directory = Array("\(path)/".utf8)
        let other = Array(path.utf8)
        for list in lists.reversed() {
            if Self.contains(other, in: list) { return .other }
            if Self.contains(directory, in: list) { return .directory }
        }
        return nil
    }

    private static func contains(_ line: [UInt8], in list: [UInt8]) -> Bool {
        // Both are where a line starts.
        var (low, high) = (0, list.count)
        while low < high {
            var start = (low + high) / 2
            while start > low, list[start - 1] != 0x0a { start -= 1 }
            let end = list[start...].firstIndex(of: 0x0a) ?? list.count
            if list[start..<end].elementsEqual(line) { return true }
            if list[start..<end].lexicographicallyPrecedes(line) { low = end + 1 } else { high = start }
        }
        return false
    }
}
