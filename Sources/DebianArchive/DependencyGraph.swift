/// Which package needs which, from the control stanzas of a set that was solved together.
public struct DependencyGraph: Sendable {
    /// Package -> what it depends on, of the set.
    private var needs: [String: [String]] = [:]

    public init(_ stanzas: [ControlStanza]) {
        var providers: [String: [String]] = [:]
        for stanza in stanzas {
            guard let name = stanza["Package"] else { continue }
            providers[name, default: []].append(name)
            for provided in Self.names(stanza["Provides"]).flatMap({ $0 }) {
                providers[provided, default: []].append(name)
            }
        }
        for stanza in stanzas {
            guard let name = stanza["Package"] else { continue }
            let groups = Self.names(stanza["Pre-Depends"]) + Self.names(stanza["Depends"])
            // Of alternatives, the first that is in the set is the one that apt took.
            needs[name] = groups.flatMap { group in group.lazy.compactMap { providers[$0] }.first ?? [] }
        }
    }

    /// What of the set a package depends on, each once.
    public func needs(of package: String) -> Set<String> { Set(needs[package] ?? []) }

    /// The shortest chain from one of `roots` to `package`, both included; nil where none leads there.
    public func chain(from roots: [String], to package: String) -> [String]? {
        var previous: [String: String?] = [:]
        var frontier = roots.filter { needs[$0] != nil }
        for root in frontier { previous[root] = .some(nil) }
        while !frontier.isEmpty {
            if frontier.contains(package) {
                var chain = [package]
                while let last = chain.last, let before = previous[last] ?? nil { chain.append(before) }
                return chain.reversed()
            }
            var next: [String] = []
            for name in frontier {
                for needed in needs[name] ?? [] where previous[needed] == nil {
                    previous[needed] = .some(name)
                    next.append(needed)
                }
            }
            frontier = next
        }
        return nil
    }

    /// `a (>= 1) | b, c:any` -> [[a, b], [c]] (Debian Policy 7.1).
    static func names(_ relation: String?) -> [[String]] {
        (relation ?? "").split(separator: ",").map { group in
            group.split(separator: "|").compactMap { alternative in
                alternative.split(whereSeparator: { " \t\n:([<".contains($0) }).first.map(String.init)
            }
        }.filter { !$0.isEmpty }
    }
}
