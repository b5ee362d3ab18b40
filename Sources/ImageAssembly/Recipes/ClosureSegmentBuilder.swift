import Building
import FileFormats
import Foundation
import StoreModel
import SystemPackage

/// `builtin:closure-segment`: a store path and all that it refers to, as they are found at run time: under `/nix/store`.
///
/// Environment: `name`, `root` (the store path), `before` (roots whose closures earlier segments have, separated by spaces) and
/// `toolbox`. Every name in the root's `bin` and `sbin` gets a link in `/usr/bin` and `/usr/sbin`.
///
/// A closure that was made elsewhere, by Nix, says besides where the links go (`prefix`, such as `usr/local`), and what its
/// programs must be (`programs`, a `BinaryFormat`); it is refused where they are not, or where a closure before it has a program
/// of the same name.
public struct ClosureSegmentBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let toolbox = Toolbox(root: request.physical(try request.require("toolbox")))
        let root = try StorePath(parsing: try request.require("root"))
        let before = try request.require("before").split(separator: " ").map { try StorePath(parsing: $0) }
        let paths = try request.reached([root]).subtracting(request.reached(Set(before))).sorted()
        let prefix = request.derivation.environment["prefix"]
        if let programs = request.derivation.environment["programs"] {
            let format = try JSONDecoder().decode(BinaryFormat.self, from: Data(programs.utf8))
            try ClosurePrograms(physical: request.physical).check(root, paths, beside: before, are: format)
        }
        try await toolbox.makeSegment(named: try request.require("name"), in: request.output) { writer in
            try writer.directory("nix")
            try writer.directory("nix/store")
            for path in paths {
                try Self.add(request.physical(path.description), as: "nix/store/\(path.baseName)", to: writer)
            }
            if let prefix { try writer.directory(prefix) }
            for folder in ClosurePrograms.folders {
                let place = request.physical(root.description).appending(folder)
                guard Tree.exists(place) else { continue }
                if let prefix { try writer.directory("\(prefix)/\(folder)") }
                for name in try ClosurePrograms.names(in: place) {
                    try writer.link("\(prefix ?? "usr")/\(folder)/\(name)", to: "\(root)/\(folder)/\(name)")
                }
            }
        }
    }

    private static func add(_ place: FilePath, as path: String, to writer: SegmentWriter) throws {
        var status = stat()
        guard lstat(place.string, &status) == 0 else { throw Tree.failure(place, "could not be examined") }
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            try writer.directory(path, permissions: 0o555)
            for name in try ClosurePrograms.names(in: place) {
                try add(place.appending(name), as: "\(path)/\(name)", to: writer)
            }
        case S_IFLNK:
            try writer.link(path, to: FileManager.default.destinationOfSymbolicLink(atPath: place.string))
        default:
            try writer.copy(
                place, to: path, permissions: UInt32(status.st_mode & 0o555), owner: 0, group: 0)
        }
    }
}
