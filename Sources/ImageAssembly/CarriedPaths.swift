import Building
import Foundation
import SystemPackage

/// Which paths the segments of an image carry, asked a few times: the lists are searched as they are, not parsed.
struct CarriedPaths {
    private let lists: [Data]

    init(segments: [FilePath]) throws {
        lists = try segments.map { Data("\n".utf8) + Data(try Tree.read($0.appending("contents"))) }
    }

    enum Kind {
        case directory
        case other
    }

    /// What the last segment to carry `path` carries there; nil where none does.
    func kind(of path: String) -> Kind? {
        // What every root has, without looking.
        if ["etc", "root", "home", "usr", "usr/lib", "var"].contains(path) { return .directory }
        let directory = Data("\n\(path)/\n".utf8)
        let other = Data("\n\(path)\n".utf8)
        for list in lists.reversed() {
            if list.range(of: other) != nil { return .other }
            if list.range(of: directory) != nil { return .directory }
        }
        return nil
    }
}
