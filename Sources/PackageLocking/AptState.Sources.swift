import DebianArchive
import Foundation
import SystemModel

/// The version of a source package that can be had.
struct AvailableSource: Sendable, Equatable {
    /// Its `.dsc` and what that names.
    var files: [LockedPackage]
    /// Newer versions that the lists have and the mirror has not, newest first.
    var passedOver: [DebianVersion]
}

extension AptState {
    /// The newest version of a source package that the mirror not only lists.
    ///
    /// A snapshot of an archive, or a mirror in the middle of its synchronisation, has lists that are newer than its pool; the
    /// lists still name the sources that older binaries were built from (`Built-Using`), whose files stay as long as those.
    func source(_ name: String) async throws(LockingError) -> AvailableSource {
        let answer = try await AptProgram.run("apt-cache", inquiry(["showsrc", "--only-source", name]))
        let stanzas: [ControlStanza]
        do { stanzas = try ControlStanza.parse(answer.output, source: "apt-cache showsrc \(name)") } catch {
            throw LockingError(.failed, name, error.message)
        }
        let versions = stanzas.compactMap { $0["Version"].flatMap { DebianVersion($0[...]) } }.sorted(by: >)
        guard let newest = versions.first else {
            throw LockingError(.unknownPackage, name, "apt finds no such source package", cause: answer.complaint)
        }
        var complaint = ""
        for (index, version) in versions.enumerated() {
            let described = try await download(name, version, "--dsc-only")
            if described.succeeded {
                return AvailableSource(files: try await files(name, version), passedOver: Array(versions.prefix(index)))
            }
            if index == 0 { complaint = described.complaint }
        }
        throw LockingError(
            .mirrorUnreachable, name,
            "the mirror lists its source in version \(newest) (and \(versions.count - 1) older ones) and has none of them",
            cause: complaint, remedy: "check the network, or name another mirror: --mirror URL")
    }

    private func files(_ name: String, _ version: DebianVersion) async throws(LockingError) -> [LockedPackage] {
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
        _ name: String, _ version: DebianVersion, _ mode: String
    ) async throws(LockingError) -> AptProgram.Answer {
        let folder = directory.appending("source")
        try? FileManager.default.removeItem(atPath: folder.string)
        try makeDirectory(folder)
        return try await AptProgram.run(
            "apt-get",
            inquiry(["-q", "-o", "Acquire::Retries=3", "--download-only", mode, "source", "\(name)=\(version)"]),
            in: folder)
    }
}
