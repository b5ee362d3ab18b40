import Glibc
import StoreModel
import SystemPackage

extension LocalStore {
    /// Keeps a valid object and all it refers to from collection, under a name that replaces an older root of that name.
    public func addRoot(_ name: String, _ path: StorePath) throws {
        let link = try rootLink(name)
        try withCollectionHeldOff {
            guard try isValid(path) else {
                throw LocalStoreError("'\(path)'", "is not in the store, so it cannot be a root")
            }
            // Written beside and renamed, so that no moment is without a root.
            let beside = directory.temporary.appending("root-\(getpid())-\(UInt64.random(in: 0...UInt64.max))")
            try Files.makeLink(at: beside, to: Array(path.description.utf8))
            try Files.rename(beside, to: link)
            try Files.sync(directory.roots)
        }
    }

    /// Removes a root; that there is none of the name is no fault.
    public func removeRoot(_ name: String) throws {
        try Files.remove(try rootLink(name))
        try Files.sync(directory.roots)
    }

    /// Every root by name.
    public func roots() throws -> [String: StorePath] {
        var roots: [String: StorePath] = [:]
        for name in try Files.names(in: directory.roots) {
            let link = directory.roots.appending(name)
            guard let status = try Files.status(link) else { continue }
            guard status.st_mode & S_IFMT == S_IFLNK else {
                throw LocalStoreError("'\(link)'", "is no root: expected a link to \(StorePath.directory)/…")
            }
            do {
                let target = String(decoding: try Files.linkTarget(link), as: UTF8.self)
                roots[name.string] = try StorePath.split(target).path
            } catch let error as LocalStoreError {
                // Another process may have removed it since it was listed.
                if try Files.status(link) != nil { throw error }
            }
        }
        return roots
    }

    private func rootLink(_ name: String) throws -> FilePath {
        guard let component = FilePath.Component(name), component.kind == .regular, component.string == name,
            name.utf8.count <= 200, !name.hasPrefix(".")
        else { throw LocalStoreError("'\(name)'", "cannot be a root's name", kind: .usage) }
        return directory.roots.appending(component)
    }
}
