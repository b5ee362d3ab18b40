import Glibc
import StoreModel
import SystemPackage

/// Puts the final digest part where a tree names itself by the one it was built under.
///
/// Leaves modes and times of directories changed: the tree is made canonical afterwards.
enum SelfReferences {
    static func rewrite(_ places: [TreeArchive.SelfReference], to path: StorePath) throws {
        let new = Array(path.hashPart.utf8)
        var contents: [FilePath: [Int]] = [:]
        var targets: [FilePath: [Int]] = [:]
        for place in places {
            switch place {
            case .content(let file, let offset): contents[file, default: []].append(offset)
            case .target(let link, let offset): targets[link, default: []].append(offset)
            }
        }
        for (file, offsets) in contents { try rewriteContent(of: file, offsets, new) }
        for (link, offsets) in targets { try rewriteTarget(of: link, offsets, new) }
    }

    /// Writes a new file: the old one may have other names, outside the tree too.
    private static func rewriteContent(of file: FilePath, _ offsets: [Int], _ new: [UInt8]) throws {
        let parent = file.removingLastComponent()
        try Files.setMode(0o755, parent)
        let mode = try Files.requiredStatus(file).st_mode & 0o7777
        let copy = try Scratch.unique(in: parent, prefix: "rewriting-", isDirectory: false)
        try Files.copyContent(of: file, to: copy)
        let descriptor = try Files.open(copy, .readWrite)
        defer { try? descriptor.close() }
        do {
            for offset in offsets { try descriptor.writeAll(toAbsoluteOffset: Int64(offset), new) }
        } catch {
            throw LocalStoreError("cannot write to", copy, (error as? Errno) ?? .ioError)
        }
        try Files.setMode(mode, copy)
        try Files.rename(copy, to: file)
    }

    private static func rewriteTarget(of link: FilePath, _ offsets: [Int], _ new: [UInt8]) throws {
        let parent = link.removingLastComponent()
        try Files.setMode(0o755, parent)
        var target = try Files.linkTarget(link)
        for offset in offsets { target.replaceSubrange(offset..<offset + new.count, with: new) }
        try Files.remove(link)
        try Files.makeLink(at: link, to: target)
    }
}
