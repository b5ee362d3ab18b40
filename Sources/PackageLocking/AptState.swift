import DebianArchive
import Glibc
import SystemModel
import SystemPackage

/// A private apt: state, lists and cache of one suite and architecture, far from the host's own.
///
/// The host's configuration is read first (proxies and credentials hold), then ours through `-c`, which alone can
/// also clear what the host set: its hooks, extra lists, preferences and keys have no say here.
struct AptState: Sendable {
    let directory: FilePath
    let suite: String
    let components: [String]
    let architecture: String
    let mirrors: MirrorList
    let keyring: FilePath
    var lists = Lists.packages

    /// Which lists it has, some 10 MB each.
    enum Lists {
        case packages
        /// And the release's source packages.
        case packagesAndSources
        /// Source packages of the release and of the security archive.
        case sources
    }

    private var configuration: FilePath { directory.appending("apt.conf") }
    private var listFolder: FilePath { directory.appending("lists") }

    /// Writes the configuration and downloads the signed lists.
    func refresh() async throws(LockingError) {
        for folder in ["", "lists/partial", "state"] { try makeDirectory(directory.appending(folder)) }
        try write(configurationText, to: configuration)
        try write(sources, to: directory.appending("sources.list"))
        try write("", to: directory.appending("status-empty"))
        try write(InstalledPseudoPackage.stanza, to: directory.appending("status-system"))
        let answer = try await AptProgram.run(
            "apt-get", ["-c", configuration.string, "-q", "update", "--error-on=any"])
        guard !answer.succeeded else { return }
        // apt tells these apart in words only.
        let words = answer.errors + answer.output
        let unsigned = ["GPG error", "NO_PUBKEY", "BADSIG", "is not signed", "signature", "Hash Sum mismatch"]
        if unsigned.contains(where: words.contains) {
            throw LockingError(
                .badSignature, "apt", "the lists of `\(suite)` are not what Debian's keys signed",
                cause: answer.complaint, remedy: "choose another mirror, or update debian-archive-keyring")
        }
        throw LockingError(
            .mirrorUnreachable, "apt", "the lists of `\(suite)` could not be fetched", cause: answer.complaint,
            remedy: "check the network and the mirror; --mirror URL names another")
    }

    /// What apt would install for `names` and pinned versions.
    ///
    /// - Parameter set: keeps caches apart, so that the sets may be solved at the same time.
    func solve(_ names: [String], pins: [LockedPackage], set: PackageSet) async throws(LockingError) -> [LockedPackage]
    {
        try await solve(
            names, pins: pins, cache: "cache-\(set.rawValue)",
            status: directory.appending(set == .system ? "status-system" : "status-empty"))
    }

    /// What apt would install; `status` is a dpkg's, `cache` a folder for one solution at a time.
    func solve(
        _ names: [String], pins: [LockedPackage], cache name: String, status: FilePath
    ) async throws(LockingError) -> [LockedPackage] {
        let cache = directory.appending(name)
        try makeDirectory(cache.appending("archives/partial"))
        let preferences = cache.appending("preferences")
        let stanzas = pins.map { "Package: \($0.name)\nPin: version \($0.version)\nPin-Priority: 1001\n" }
        try write(stanzas.joined(separator: "\n"), to: preferences)
        let answer = try await AptProgram.run(
            "apt-get",
            [
                "-c", configuration.string, "-o", "Dir::Cache=\(cache)", "-o", "Dir::State::status=\(status)",
                "-o", "Dir::Etc::Preferences=\(preferences)", "-q", "--print-uris", "install",
            ] + names)
        guard answer.succeeded else {
            throw LockingError(
                .unsatisfiable, suite, "apt finds no versions that fit together", cause: answer.complaint)
        }
        let packages: [DebianPackage]
        do { packages = try DebianPackage.parse(printedURIs: answer.output) } catch {
            throw LockingError(.failed, error.subject, error.message)
        }
        guard !packages.isEmpty else { throw LockingError(.failed, "apt", "it names no package to fetch") }
        var locked: [LockedPackage] = []
        for package in packages {
            guard let place = mirrors.location(of: package.uri) else {
                throw LockingError(.failed, package.name, "apt would fetch it from outside the mirrors")
            }
            locked.append(
                LockedPackage(
                    name: package.name, version: package.version, architecture: package.architecture,
                    poolPath: place.path, archive: place.archive, size: package.size, sha256: package.sha256))
        }
        return locked.sorted { ($0.name, $0.architecture) < ($1.name, $1.architecture) }
    }

    /// Every package's name in the lists.
    func names() async throws(LockingError) -> Set<String> {
        let answer = try await AptProgram.run("apt-cache", inquiry(["pkgnames"]))
        return Set(answer.output.split(separator: "\n").map(String.init))
    }

    /// `names` and all that they need, directly or not.
    func closure(of names: [String]) async throws(LockingError) -> Set<String> {
        guard !names.isEmpty else { return [] }
        let answer = try await AptProgram.run(
            "apt-cache",
            inquiry(
                [
                    "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
                    "--no-replaces", "--no-enhances",
                ] + names))
        let lines = answer.output.split(separator: "\n").filter { !$0.hasPrefix(" ") && !$0.hasPrefix("<") }
        return Set(names + lines.map { String($0.prefix { $0 != ":" }) })
    }

    func inquiry(_ words: [String]) -> [String] {
        [
            "-c", configuration.string, "-o", "Dir::Cache=\(directory.appending("cache-system"))",
            "-o", "Dir::State::status=\(directory.appending("status-system"))",
        ] + words
    }

    private var sources: String {
        let options = "[arch=\(architecture) signed-by=\(keyring)]"
        let parts = components.joined(separator: " ")
        var lines: [String] = []
        if let root = mirrors.archive.first {
            lines = [suite, "\(suite)-updates"].map { "deb \(options) \(root) \($0) \(parts)" }
        }
        // A security archive drops a source as soon as there is a newer one, or before every mirror has it: what is locked
        // must be there tomorrow. A point release takes them up.
        if lists == .packagesAndSources { lines += lines.map { "deb-src" + $0.dropFirst(3) } }
        if let root = mirrors.security.first { lines.append("deb \(options) \(root) \(suite)-security \(parts)") }
        if lists == .sources { lines = lines.map { "deb-src" + $0.dropFirst(3) } }
        return lines.joined(separator: "\n") + "\n"
    }

    private var configurationText: String {
        """
        #clear APT::Update::Pre-Invoke;
        #clear APT::Update::Post-Invoke;
        #clear APT::Update::Post-Invoke-Success;
        #clear APT::Architectures;
        #clear APT::Default-Release;
        #clear APT::Keep-Downloaded-Packages;
        #clear Acquire::IndexTargets;
        #clear Acquire::Languages;
        #clear Dir::Cache::pkgcache;
        #clear Dir::Cache::srcpkgcache;
        APT::Architecture "\(architecture)";
        APT::Architectures { "\(architecture)"; };
        APT::Sandbox::User "root";
        APT::Install-Recommends "false";
        APT::Install-Suggests "false";
        APT::Get::AllowUnauthenticated "false";
        Acquire::AllowInsecureRepositories "false";
        Acquire::AllowDowngradeToInsecureRepositories "false";
        Acquire::ForceHash "SHA256";
        Acquire::Languages { "none"; };
        Acquire::PDiffs "false";
        Acquire::Retries "2";
        Acquire::IndexTargets { deb { Packages {
            MetaKey "$(COMPONENT)/binary-$(ARCHITECTURE)/Packages";
            flatMetaKey "Packages";
            ShortDescription "Packages";
            Description "$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Packages";
            Optional "no";
        }; }; };\(lists == .packages ? "" : sourceTarget)
        Dir::State "\(directory)/state";
        Dir::State::Lists "\(listFolder)";
        Dir::State::status "\(directory)/status-empty";
        Dir::State::extended_states "\(directory)/state/extended_states";
        Dir::Cache "\(directory)/cache-system";
        Dir::Cache::pkgcache "pkgcache.bin";
        Dir::Cache::srcpkgcache "";
        Dir::Log "\(directory)/state";
        Dir::Etc::SourceList "\(directory)/sources.list";
        Dir::Etc::SourceParts "/dev/null";
        Dir::Etc::Preferences "/dev/null";
        Dir::Etc::PreferencesParts "/dev/null";
        Dir::Etc::Trusted "/dev/null";
        Dir::Etc::TrustedParts "/dev/null";
        pkgCacheGen::ForceEssential ",";

        """
    }

    private var sourceTarget: String {
        """

        Acquire::IndexTargets { deb-src { Sources {
            MetaKey "$(COMPONENT)/source/Sources";
            flatMetaKey "Sources";
            ShortDescription "Sources";
            Description "$(RELEASE)/$(COMPONENT) Sources";
            Optional "no";
        }; }; };
        """
    }

    func makeDirectory(_ path: FilePath) throws(LockingError) {
        var current = FilePath(root: path.root)
        for component in path.components {
            current.append(component)
            guard mkdir(current.string, 0o755) != 0, errno != EEXIST else { continue }
            // A parent that exists may still refuse with another error than EEXIST, such as EROFS.
            let reason = Errno(rawValue: errno)
            var status = stat()
            guard stat(current.string, &status) != 0 else { continue }
            throw LockingError(.failed, path.string, "cannot make the directory", cause: "\(reason)")
        }
    }

    private func write(_ text: String, to path: FilePath) throws(LockingError) {
        do {
            let file = try FileDescriptor.open(
                path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead, .otherRead])
            try file.closeAfter { _ = try file.writeAll(text.utf8) }
        } catch {
            throw LockingError(.failed, path.string, "cannot be written", cause: "\(error)")
        }
    }
}
