/// Which paths the segments of an image carry, asked a few times: the list is sorted, and searched as it is.
struct CarriedPaths {
    /// A catalogue's `contents`.
    let list: [UInt8]

    enum Kind {
        case directory
        case other
    }

    /// What the last segment to carry `path` carries there; nil where none does.
    func kind(of path: String) -> Kind? {
        // What every root has, without looking.
        if ["etc", "root", "home", "usr", "usr/lib", "var"].contains(path) { return .directory }
        if contains(Array(path.utf8)) { return .other }
        return contains(Array("\(path)/".utf8)) ? .directory : nil
    }

    private func contains(_ line: [UInt8]) -> Bool {
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
