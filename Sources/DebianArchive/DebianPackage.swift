/// One binary package that apt would fetch: a line of `apt-get install --print-uris`.
///
///     'http://…/pool/main/libc/libcap2/libcap2_2.75-10_amd64.deb' libcap2_1%3a2.75-10_amd64.deb 28988 SHA256:…
public struct DebianPackage: Sendable, Equatable {
    public var name: String
    public var version: String
    /// `all` included.
    public var architecture: String
    /// Without percent-encoding.
    public var uri: String
    public var size: Int
    /// Lower-case hexadecimal.
    public var sha256: String

    /// Every package of apt's answer; lines of other kinds (apt's chatter) are passed over.
    ///
    /// - Throws: `DebianArchiveError` for a line that begins like an address but is none, or has no SHA-256.
    public static func parse(printedURIs text: String) throws(DebianArchiveError) -> [DebianPackage] {
        var packages: [DebianPackage] = []
        for line in text.split(separator: "\n") where line.hasPrefix("'") {
            packages.append(try DebianPackage(printedURI: line))
        }
        return packages
    }

    init(printedURI line: Substring) throws(DebianArchiveError) {
        let printed = try PrintedURI(line)
        let parts = printed.file.dropLast(4).split(separator: "_", omittingEmptySubsequences: false)
        guard printed.file.hasSuffix(".deb"), parts.count == 3, DebianVersion(parts[1]) != nil else {
            throw DebianArchiveError("apt", "expected a file `NAME_VERSION_ARCHITECTURE.deb`, found `\(printed.file)`")
        }
        name = String(parts[0])
        version = String(parts[1])
        architecture = String(parts[2])
        uri = printed.uri
        size = printed.size
        sha256 = printed.sha256
    }
}

/// The files of one source package that apt would fetch: the lines of `apt-get source --print-uris`.
public struct DebianSource: Sendable, Equatable {
    /// As its `.dsc` says it: without an epoch.
    public var version: String
    public var files: [PrintedURI]

    /// - Throws: `DebianArchiveError` for an answer without exactly one `.dsc`, or with a line that is not understood.
    public init(printedURIs text: String) throws(DebianArchiveError) {
        var files: [PrintedURI] = []
        for line in text.split(separator: "\n") where line.hasPrefix("'") { files.append(try PrintedURI(line)) }
        let descriptions = files.filter { $0.file.hasSuffix(".dsc") }
        guard descriptions.count == 1, let name = descriptions.first?.file.dropLast(4),
            let underscore = name.firstIndex(of: "_"), DebianVersion(name[name.index(after: underscore)...]) != nil
        else {
            throw DebianArchiveError("apt", "expected one `NAME_VERSION.dsc` of a source, found \(descriptions.count)")
        }
        version = String(name[name.index(after: underscore)...])
        self.files = files
    }
}

/// One file that apt would fetch.
public struct PrintedURI: Sendable, Equatable {
    /// Without percent-encoding.
    public var uri: String
    /// Its name.
    public var file: String
    public var size: Int
    /// Lower-case hexadecimal.
    public var sha256: String

    init(_ line: Substring) throws(DebianArchiveError) {
        let words = line.split(separator: " ")
        guard words.count == 4, words[0].count > 2, words[0].hasSuffix("'"), let size = Int(words[2]), size > 0 else {
            throw DebianArchiveError("apt", "expected `'address' file size digest`, found `\(line.prefix(200))`")
        }
        guard words[3].hasPrefix("SHA256:"), words[3].utf8.count == 71,
            words[3].utf8.dropFirst(7).allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else {
            throw DebianArchiveError(String(words[1]), "expected a SHA-256 digest, found `\(words[3].prefix(100))`")
        }
        guard let uri = percentDecoded(words[0].dropFirst().dropLast()), let file = percentDecoded(words[1]) else {
            throw DebianArchiveError("apt", "an address that does not decode: `\(line.prefix(200))`")
        }
        self.uri = uri
        self.file = file
        self.size = size
        sha256 = String(words[3].dropFirst(7))
    }
}

/// A target of `apt-get indextargets`: where the host takes packages from.
public struct IndexTarget: Sendable, Equatable {
    /// The `--format` that `parse` expects the answer of.
    public static let format = "$(REPO_URI)\t$(ORIGIN)\t$(LABEL)\t$(CODENAME)\t$(CREATED_BY)"

    /// The archive's root, ending in a slash.
    public var repository: String
    public var origin: String
    public var label: String
    public var codeName: String

    /// The package lists among apt's answer, one a line.
    public static func parse(_ text: String) -> [IndexTarget] {
        text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard words.count == 5, words[4] == "Packages", !words[0].isEmpty else { return nil }
            return IndexTarget(
                repository: words[0].hasSuffix("/") ? words[0] : words[0] + "/", origin: words[1], label: words[2],
                codeName: words[3])
        }
    }
}

/// A suite that the host's apt knows: one of the lines of `apt-get update --print-uris`.
public struct ArchiveSuite: Sendable, Equatable {
    /// The archive's root, ending in a slash.
    public var root: String
    /// Such as `trixie-updates`.
    public var suite: String

    /// The suites among apt's answer, each once for its `InRelease` file; other lines are passed over.
    public static func parse(printedURIs text: String) -> [ArchiveSuite] {
        text.split(separator: "\n").compactMap { line in
            guard line.hasPrefix("'"), let dists = line.firstRange(of: "/dists/"),
                let end = line.firstRange(of: "/InRelease'"), dists.upperBound <= end.lowerBound
            else { return nil }
            return ArchiveSuite(
                root: line[line.index(after: line.startIndex)..<dists.lowerBound] + "/",
                suite: String(line[dists.upperBound..<end.lowerBound]))
        }
    }
}

/// A package that Bootferry stands in for, so that dpkg and apt take it for installed.
public enum InstalledPseudoPackage {
    public static let name = "bootferry-init"

    /// Its stanza of dpkg's status file, ending in an empty line.
    ///
    /// It provides `linux-initramfs-tool`: a node's initramfs is Bootferry's own, and Debian's kernels would
    /// otherwise bring initramfs-tools, whose hook builds one of 18 MB at configuring time.
    public static let stanza = """
        Package: \(name)
        Status: install ok installed
        Priority: optional
        Section: admin
        Maintainer: Bootferry <bootferry@localhost>
        Architecture: all
        Multi-Arch: foreign
        Version: 1
        Provides: linux-initramfs-tool
        Description: the initramfs of a node that boots over the network
         Bootferry makes the initramfs itself; nothing is installed under this name.


        """
}

/// nil for an incomplete escape or bytes that are no UTF-8.
private func percentDecoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%") {
            guard let high = rest.popFirst(), let low = rest.popFirst(),
                let value = UInt8(String(decoding: [high, low], as: UTF8.self), radix: 16)
            else { return nil }
            bytes.append(value)
        } else {
            bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}
