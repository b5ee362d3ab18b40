/// A source package of one version, as an index of sources has it (Debian Policy 5.6): the lines of `apt-cache showsrc`.
public struct SourceStanza: Sendable, Equatable {
    public struct File: Sendable, Equatable {
        public var name: String
        public var size: Int
        /// Lower-case hexadecimal.
        public var sha256: String
    }

    public var name: String
    /// Epoch included.
    public var version: String
    /// Below the archive's root, such as `pool/main/b/bash`.
    public var directory: String
    public var files: [File]

    /// - Throws: `DebianArchiveError` where a field that an index must have is missing, or is none.
    public init(_ stanza: ControlStanza) throws(DebianArchiveError) {
        func field(_ key: String) throws(DebianArchiveError) -> String {
            guard let value = stanza[key], !value.isEmpty else {
                throw DebianArchiveError("index of sources", "a source package without '\(key)'")
            }
            return value
        }
        name = try field("Package")
        version = try field("Version")
        directory = try field("Directory")
        guard DebianVersion(version) != nil, Self.isPath(directory) else {
            throw DebianArchiveError(
                name, "version '\(version.prefix(100))' in '\(directory.prefix(200))', which no archive has")
        }
        files = []
        for line in try field("Checksums-Sha256").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let size = Int(words[1]), size > 0, words[0].utf8.count == 64,
                words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }),
                Self.isPath(words[2]), !words[2].contains("/")
            else {
                throw DebianArchiveError(name, "expected 'SHA-256 size file', found '\(line.prefix(200))'")
            }
            files.append(File(name: String(words[2]), size: size, sha256: String(words[0])))
        }
    }

    private static func isPath(_ text: some StringProtocol) -> Bool {
        text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { !["", ".", ".."].contains($0) }
            && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    }
}
