import StoreModel

/// What a site has, so that an export leaves it out.
///
/// Lines of `KEY: VALUE`, in this order and sorted within each key, so that one value has one text; signatures below:
///
///     Bootferry-Inventory: 1
///     Created: SECONDS-SINCE-1970
///     Expires: SECONDS-SINCE-1970
///     Path: HASH-NAME
public struct Inventory: Sendable, Equatable {
    /// Seconds since 1970.
    public var created: Int
    /// Seconds since 1970, after which it is not believed: the site may have collected what it lists.
    public var expires: Int
    public var paths: Set<StorePath>

    /// Of the file that it is in.
    public static let fileName = "inventory"
    /// Bytes beyond which a file is no inventory.
    public static let maximumCount = 1 << 26

    public init(created: Int, expires: Int, paths: Set<StorePath>) {
        self.created = created
        self.expires = expires
        self.paths = paths
    }

    /// What is signed.
    public var text: String {
        "Bootferry-Inventory: 1\nCreated: \(created)\nExpires: \(expires)\n"
            + paths.sorted().map { "Path: \($0.baseName)\n" }.joined()
    }

    /// Reads the text without its signatures; anything that this program would not write throws.
    public init(parsing text: String) throws(StoreModelError) {
        func fault(_ message: String) -> StoreModelError {
            StoreModelError("inventory", message, remedy: "bootferry inventory --to FOLDER, at the site")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popLast() == "", lines.popFirst() == "Bootferry-Inventory: 1" else {
            throw fault("is no inventory of version 1")
        }
        func number(_ key: String) throws(StoreModelError) -> Int {
            guard let line = lines.popFirst(), line.hasPrefix(key), let number = Int(line.dropFirst(key.utf8.count)),
                number >= 0
            else { throw fault("has no '\(key)'") }
            return number
        }
        created = try number("Created: ")
        expires = try number("Expires: ")
        paths = []
        for line in lines {
            guard line.hasPrefix("Path: ") else { throw fault("does not know '\(line.prefix(100))'") }
            paths.insert(try StorePath(baseName: String(line.dropFirst(6))))
        }
        guard self.text == text else { throw fault("is not as it is written: lines out of order, or twice") }
    }
}
