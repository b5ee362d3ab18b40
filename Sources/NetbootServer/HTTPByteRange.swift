/// What a `Range` header asks of a file (RFC 9110 section 14): one range of bytes; lists of several are answered whole.
enum HTTPByteRange: Equatable {
    case whole
    case part(Range<Int>)
    case unsatisfiable

    init(header: String?, size: Int) {
        self = .whole
        guard let header, header.lowercased().hasPrefix("bytes=") else { return }
        let specification = header.dropFirst(6).filter { $0 != " " && $0 != "\t" }
        let ends = specification.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2, !specification.contains(",") else { return }
        let isDigits = ends.allSatisfy { $0.utf8.allSatisfy { (48...57).contains($0) } }
        guard isDigits else { return }
        if ends[0].isEmpty {
            guard let count = Int(ends[1]) else { return }
            self = count == 0 || size == 0 ? .unsatisfiable : .part(max(0, size - count)..<size)
            return
        }
        guard let first = Int(ends[0]) else { return }
        guard ends[1].isEmpty || Int(ends[1]) != nil else { return }
        let last = Int(ends[1]) ?? .max
        guard last >= first else { return }
        self = first >= size ? .unsatisfiable : .part(first..<(last >= size ? size : last + 1))
    }
}
