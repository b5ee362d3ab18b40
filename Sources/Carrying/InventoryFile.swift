import LocalStore
import MediumModel
import StoreModel
import SystemPackage

/// Inventories as files, signed by the site that has what they list.
public enum InventoryFile {
    /// Writes what no collection of the store would take: what its roots need.
    @discardableResult
    public static func write(
        to file: FilePath, of store: LocalStore, by key: SigningKey, now: Int, validSeconds: Int
    ) throws -> Inventory {
        let paths = try store.paths(reachedFrom: Set(try store.roots().values))
        let inventory = Inventory(created: now, expires: now + validSeconds, paths: paths)
        try MediumFiles.replace(file, with: Array(try SignedText(inventory.text, by: key).whole.utf8))
        return inventory
    }

    /// Reads one; unsigned, signed by a stranger, or expired it is refused.
    public static func read(_ file: FilePath, ring: KeyRing, now: Int) throws -> Inventory {
        let signed = try SignedText(
            parsing: try MediumFiles.content(of: file, limit: Inventory.maximumCount), of: file.string)
        let verdict = ring.judge(signed.signatures, of: signed.text)
        if let fault = verdict.fault {
            throw CarryingError("'\(file)'", fault, kind: .corrupt, remedy: verdict.remedy)
        }
        let inventory = try Inventory(parsing: signed.text)
        guard now <= inventory.expires else {
            throw CarryingError(
                "'\(file)'", "expired \((now - inventory.expires) / 86_400) days ago: the site may have less by now",
                kind: .usage, remedy: "bootferry inventory --to FOLDER, at the site; or export all, without --since")
        }
        return inventory
    }
}
