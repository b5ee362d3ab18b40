import DebianArchive
import Foundation
import SystemModel

/// What a mirror lists of a source package and does not have.
public enum MissingSource: Sendable, Equatable, CustomStringConvertible {
    /// An older version is locked in place of the newest.
    case newest(name: String, listed: String, locked: String)
    /// The newest is locked, and what is made from it cannot be made from this mirror now.
    case all(name: String, listed: String)

    public var description: String {
        switch self {
        case .newest(let name, let listed, let locked):
            "the mirror lists the source of `\(name)` in version \(listed) and does not have it; locked is \(locked)"
        case .all(let name, let listed):
            "the mirror lists the source of `\(name)` in version \(listed) and has no version of it; what needs it will fail"
        }
    }
}

extension AptState {
    /// The newest version of a source package that the mirror not only lists.
    ///
    /// A snapshot of an archive, or a mirror in the middle of its synchronisation, has lists that are newer than its pool; the
    /// lists still name the sources that older binaries were built from (`Built-Using`), whose files stay as long as those.
    ///
    /// - Returns: its `.dsc` and what that names.
    func source(
        _ name: String, missing: (MissingSource) -> Void
    ) async throws(LockingError) -> [LockedPackage] {
        let answer = try await AptProgram.run("apt-cache", inquiry(["showsrc", "--only-source", name]))
        let stanzas: [ControlStanza]
        do { stanzas = try ControlStanza.parse(answer.output, source: "apt-cache showsrc \(name)") } catch {
            throw LockingError(.failed, name, error.message)
        }
        let versions = stanzas.compactMap { $0["Version"].flatMap { DebianVersion($0[...]) } }.sorted(by: >)
        guard let newest = versions.first else {
            throw LockingError(.unknownPackage, name, "apt finds no such source package", cause: answer.complaint)
        }
        for version in versions {
            guard try await download(name, version, "--dsc-only").succeeded else { continue }
            let found = try await files(ofSource: name, version)
            if version != newest, let locked = found.first?.version {
                missing(.newest(name: name, listed: newest.description, locked: locked))
            }
            return found
        }
        missing(.all(name: name, listed: newest.description))
        return try await files(ofSource: name, newest)
    }

    /// The files of a source package as the lists have it, of its newest version where none is named.
    func files(
        ofSource name: String, _ version: DebianVersion? = nil
    ) async throws(LockingError) -> [LockedPackage] {
        let answer = try await download(name, version, "--print-uris")
        guard answer.succeeded else {
            throw LockingError(.failed, name, "apt does not say what its source is made of", cause: answer.complaint)
        }
        let source: DebianSource
        do { source = try DebianSource(printedURIs: answer.output) } catch {
            throw LockingError(.failed, name, error.message)
        }
        var locked: [LockedPackage] = []
        for file in source.files {
            guard let place = mirrors.location(of: file.uri) else {
                throw LockingError(.failed, name, "apt would fetch it from outside the mirrors")
            }
            locked.append(
                LockedPackage(
                    name: name, version: source.version, architecture: "source", poolPath: place.path,
                    archive: place.archive, size: file.size, sha256: file.sha256))
        }
        return locked
    }

    /// apt downloads into the folder that it is started in, and asks no mirror for a file that is there.
    private func download(
        _ name: String, _ version: DebianVersion?, _ mode: String
    ) async throws(LockingError) -> AptProgram.Answer {
        let folder = directory.appending("source")
        try? FileManager.default.removeItem(atPath: folder.string)
        try makeDirectory(folder)
        return try await AptProgram.run(
            "apt-get",
            inquiry([
                "-q", "-o", "Acquire::Retries=3", "--download-only", mode, "source",
                name + (version.map { "=\($0)" } ?? ""),
            ]),
            in: folder)
    }
}
