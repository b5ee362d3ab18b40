import LocalStore
import StoreModel

/// Objects that an import brought by themselves, and not as a generation's image: no collection takes them until somebody
/// lets them go.
extension LocalStore {
    /// What is kept so.
    public func importedRoots() throws -> Set<StorePath> {
        Set(try roots().filter { $0.key == Self.importedRootName($0.value) }.values)
    }

    func keepImported(_ path: StorePath) throws { try addRoot(Self.importedRootName(path), path) }

    /// Lets go of one; what a generation keeps, or nothing does, throws.
    public func releaseImported(_ path: StorePath) throws {
        let roots = try roots()
        let name = Self.importedRootName(path)
        if roots[name] != nil { return try removeRoot(name) }
        if let other = roots.filter({ $0.value == path }).keys.min() {
            throw CarryingError(
                "'\(path)'", "is kept by the root '\(other)', which no import made", kind: .usage,
                remedy: "'bootferry gc --keep N' forgets old generations")
        }
        throw CarryingError(
            "'\(path)'", "is kept by no import", kind: .usage, remedy: "'bootferry roots' lists what is")
    }

    private static func importedRootName(_ path: StorePath) -> String { "imported-\(path.hashPart)" }
}
