import Building

/// Files that two packages carry: allowed where one says `Replaces` of the other, refused otherwise (Debian Policy 7.6).
struct FileConflicts {
    /// One package's part: `contents` are the lines of its segment's `contents`.
    struct Package {
        var name: String
        var replaces: Set<String>
        var contents: [String]
    }

    /// A path and the package, by its place in the order given, whose copy must end up in the image.
    struct Winner: Equatable {
        var path: String
        var package: Int
    }

    /// The files for which the order of unpacking does not already give the right copy.
    static func winners(among packages: [Package]) throws(BuildError) -> [Winner] {
        var owners: [String: [Int]] = [:]
        for (index, package) in packages.enumerated() {
            for path in package.contents where !path.hasSuffix("/") { owners[path, default: []].append(index) }
        }
        // A package's file where another has a directory would leave the image without one of them.
        for package in packages {
            for path in package.contents where path.hasSuffix("/") {
                if let other = owners[String(path.dropLast())]?.first {
                    throw refused(String(path.dropLast()), package.name, packages[other].name)
                }
            }
        }
        var winners: [Winner] = []
        for (path, carriers) in owners.filter({ $0.value.count > 1 }).sorted(by: { $0.key < $1.key }) {
            let winner = carriers.last { candidate in
                carriers.allSatisfy { $0 == candidate || packages[candidate].replaces.contains(packages[$0].name) }
            }
            guard let winner else { throw refused(path, packages[carriers[0]].name, packages[carriers[1]].name) }
            if winner != carriers.last { winners.append(Winner(path: path, package: winner)) }
        }
        return winners
    }

    private static func refused(_ path: String, _ first: String, _ second: String) -> BuildError {
        BuildError(
            kind: .usage, subject: first,
            message: "and '\(second)' both carry '/\(path)', and neither replaces the other",
            remedy: "leave one of the two packages out of the system")
    }
}
