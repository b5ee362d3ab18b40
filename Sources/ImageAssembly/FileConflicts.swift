import Building

/// Files that two packages carry: allowed where one says `Replaces` of the other, refused otherwise (Debian Policy 7.6).
struct FileConflicts {
    /// One package's part: `contents` are the lines of its segment's `contents`.
    struct Package {
        var name: String
        var replaces: Set<String>
        var contents: [String]

        var hasPreinst: Bool {
            contents.contains { $0.hasPrefix("var/lib/dpkg/info/") && $0.hasSuffix(".preinst") }
        }
    }

    /// A path and the package, by its place in the order given, whose copy must end up in the image.
    struct Winner: Equatable {
        var path: String
        var package: Int
    }

    /// A path of two packages, neither of which replaces the other, that one of them may yet divert.
    struct Contest: Equatable {
        var path: String
        var first: String
        var second: String
    }

    /// The files for which the order of unpacking does not already give the right copy.
    let winners: [Winner]
    /// What only dpkg-divert(1), called by a `preinst`, can explain.
    let contests: [Contest]

    /// Compares the packages' contents; throws where nothing can make two copies of one file good.
    init(among packages: [Package]) throws(BuildError) {
        var owners: [String: [Int]] = [:]
        for (index, package) in packages.enumerated() {
            for path in package.contents where !path.hasSuffix("/") { owners[path, default: []].append(index) }
        }
        // A package's file where another has a directory would leave the image without one of them.
        for package in packages {
            for path in package.contents where path.hasSuffix("/") {
                if let other = owners[String(path.dropLast())]?.first {
                    throw Self.refused(String(path.dropLast()), package.name, packages[other].name)
                }
            }
        }
        var winners: [Winner] = []
        var contests: [Contest] = []
        for (path, carriers) in owners.filter({ $0.value.count > 1 }).sorted(by: { $0.key < $1.key }) {
            let winner = carriers.last { candidate in
                carriers.allSatisfy { $0 == candidate || packages[candidate].replaces.contains(packages[$0].name) }
            }
            guard let winner else {
                let (first, second) = (packages[carriers[0]], packages[carriers[1]])
                guard carriers.contains(where: { packages[$0].hasPreinst }) else {
                    throw Self.refused(path, first.name, second.name)
                }
                contests.append(Contest(path: path, first: first.name, second: second.name))
                continue
            }
            if winner != carriers.last { winners.append(Winner(path: path, package: winner)) }
        }
        self.winners = winners
        self.contests = contests
    }

    static func refused(_ path: String, _ first: String, _ second: String) -> BuildError {
        BuildError(
            kind: .usage, subject: first,
            message: "and '\(second)' both carry '/\(path)', and neither replaces the other",
            remedy: "leave one of the two packages out of the system")
    }
}
