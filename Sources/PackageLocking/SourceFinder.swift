import DebianArchive
import SystemModel

/// A source package of Debian's, by name and version.
public struct SourcePackage: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var name: String
    /// Epoch included.
    public var version: String

    public init(name: String, version: String) {
        self.name = name
        self.version = version
    }

    public var description: String { "\(name) \(version)" }

    /// Those of a field such as `Built-Using: glibc (= 2.41-12), linux (= 6.12.57-1)` (Debian Policy 7.8); what is none of this
    /// form is passed over.
    public static func list(builtUsing field: String) -> [SourcePackage] {
        field.split { $0 == "," || $0 == "\n" }.compactMap { item in
            let words = item.split { " ()".contains($0) }
            guard words.count == 3, words[1] == "=", DebianVersion(words[2]) != nil else { return nil }
            return SourcePackage(name: String(words[0]), version: String(words[2]))
        }
    }

    /// What a binary package of this version was built from, where its source says no other: without the number of a rebuild
    /// (`+b1`), which the source has not.
    public static func version(ofSourceFor binary: String) -> String {
        let parts = binary.split(separator: "+b", omittingEmptySubsequences: false)
        guard parts.count > 1, let number = parts.last, !number.isEmpty,
            number.allSatisfy({ $0.isASCII && $0.isNumber })
        else { return binary }
        return String(binary.dropLast(number.count + 2))
    }

    public static func < (a: SourcePackage, b: SourcePackage) -> Bool { (a.name, a.version) < (b.name, b.version) }
}

extension PackageLocker {
    /// What the mirror's signed lists say of source packages: the files of those that they have, and the versions that they
    /// have of the names of all.
    ///
    /// Security archives are asked too, whose sources go when newer ones come: what is found is to be fetched at once.
    ///
    /// - Throws: `LockingError`.
    public func find(
        _ sources: Set<SourcePackage>, in base: DebianBase
    ) async throws(LockingError) -> (files: [SourcePackage: [LockedPackage]], versions: [String: [String]]) {
        guard !sources.isEmpty else { return ([:], [:]) }
        try checkKeyring()
        let apt = AptState(
            directory: stateDirectory.appending("apt").appending("\(base.suite)-sources"), suite: base.suite,
            components: Set(base.components + ["main"]).sorted(), architecture: "amd64", mirrors: mirrors,
            keyring: keyring, lists: .sources)
        let lockFile = try await exclusively()
        defer { try? lockFile.close() }
        try await apt.refresh()
        let names = Set(sources.map(\.name)).sorted()
        // Of several names it answers for those that it knows.
        let answer = try await AptProgram.run("apt-cache", apt.inquiry(["showsrc", "--only-source"] + names))
        var files: [SourcePackage: [LockedPackage]] = [:]
        var versions: [String: [String]] = [:]
        do {
            for stanza in try ControlStanza.parse(answer.output, source: "apt-cache showsrc") {
                let found = try SourceStanza(stanza)
                let source = SourcePackage(name: found.name, version: found.version)
                versions[found.name, default: []].append(found.version)
                guard sources.contains(source) else { continue }
                // `pool/updates/` is what the security archive calls its pool.
                let archive = found.directory.hasPrefix("pool/updates/") ? "debian-security" : "debian"
                files[source] = found.files.map {
                    LockedPackage(
                        name: found.name, version: found.version, architecture: "source",
                        poolPath: "\(found.directory)/\($0.name)", archive: archive, size: $0.size, sha256: $0.sha256)
                }
            }
        } catch {
            throw LockingError(.failed, error.subject, error.message)
        }
        return (files, versions)
    }
}
