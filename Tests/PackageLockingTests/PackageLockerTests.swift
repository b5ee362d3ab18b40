import Foundation
import SystemModel
import SystemPackage
import Testing

@testable import PackageLocking

/// Against the host's real apt and its mirror.
@Suite(
    .enabled(
        if: ProcessInfo.processInfo.environment["CI"] == "true"
            || FileManager.default.isExecutableFile(atPath: "/usr/bin/apt-get")), .serialized)
struct PackageLockerTests {
    @Test func `a lock holds what was asked, moves only what is named, and explains what cannot be`() async throws {
        try await withTemporaryDirectory { folder in
            let locker = PackageLocker(stateDirectory: folder, mirrors: try await .ofHost())
            let request = try request(packages: ["systemd", "udev"])
            let first = try await locker.lock(request)
            let system = first.lock.sets[.system] ?? []
            let names = Set(system.map(\.name))
            #expect(
                names.isSuperset(of: ["systemd", "udev", "dpkg", "base-files", "libc6", "linux-image-cloud-amd64"]))
            // What Bootferry stands in for, and what only apt calls essential.
            #expect(names.isDisjoint(with: ["initramfs-tools", "dracut", "apt", "bootferry-init"]))
            #expect(system.allSatisfy { $0.poolPath.hasPrefix("pool/") && $0.sha256.count == 64 && $0.size > 0 })
            #expect(
                Set((first.lock.sets[.toolbox] ?? []).map(\.name)).isSuperset(of: [
                    "zstd", "libarchive-tools", "libc6", "mawk",
                ]))
            #expect(Set((first.lock.sets[.loaders] ?? []).map(\.name)).isSuperset(of: ["ipxe", "systemd-boot-efi"]))
            #expect(first.changes.allSatisfy { $0.old == nil })

            // Answered without the network, and the text is stable.
            #expect(try await locker.lock(request, existing: first.lock).changes.isEmpty)
            let again = try await locker.lock(request, existing: first.lock, update: [])
            #expect(again.lock.rendered() == first.lock.rendered())
            #expect(try LockFile.read([UInt8](first.lock.rendered().utf8), path: "lock") == first.lock)

            // An older version in the lock stays where the archive still has it, and moves where it has not.
            var aged = first.lock
            let place = try #require(aged.sets[.system]?.firstIndex { $0.name == "udev" })
            aged.sets[.system]?[place].version = "0.1-1"
            aged.sets[.system]?[place].sha256 = String(repeating: "0", count: 64)
            let updated = try await locker.lock(request, existing: aged, update: ["udev"])
            #expect(updated.changes.map(\.description) == ["udev 0.1-1 -> \(system[place].version)"])

            let wrong = await #expect(throws: LockingError.self) {
                try await locker.lock(try self.request(packages: ["systemd", "vim-tinny"]))
            }
            #expect(wrong?.code == .unknownPackage)
            #expect(wrong?.subject == "vim-tinny")
            #expect(wrong?.message.contains("did you mean `vim-tiny`?") == true)

            let clash = await #expect(throws: LockingError.self) {
                try await locker.lock(try self.request(packages: ["systemd-sysv", "sysvinit-core"]))
            }
            #expect(clash?.code == .unsatisfiable)
            #expect(clash?.cause?.contains("Conflicts") == true)
        }
    }

    @Test func `a mirror that is not there is unreachable, and one without a signature is refused`() async throws {
        try await withTemporaryDirectory { folder in
            let gone = PackageLocker(stateDirectory: folder, mirrors: MirrorList(named: "http://127.0.0.1:9/debian"))
            let error = await #expect(throws: LockingError.self) { try await gone.lock(try request(packages: [])) }
            #expect(error?.code == .mirrorUnreachable)
            #expect(error?.kind == .unreachable)

            let archive = folder.appending("mirror/debian")
            for suite in ["trixie", "trixie-updates"] {
                let dists = URL(filePath: archive.appending("dists/\(suite)").string)
                try FileManager.default.createDirectory(at: dists, withIntermediateDirectories: true)
                try Data("Origin: Debian\nSuite: \(suite)\n".utf8).write(to: dists.appending(path: "Release"))
            }
            let forged = PackageLocker(
                stateDirectory: folder, mirrors: MirrorList(archive: ["file:\(archive)"], security: []))
            let refusal = await #expect(throws: LockingError.self) { try await forged.lock(try request(packages: [])) }
            #expect(refusal?.code == .badSignature)
            #expect(refusal?.kind == .corrupt)
        }
    }

    @Test func `a host without the archive's keys is told what to install`() async throws {
        try await withTemporaryDirectory { folder in
            let locker = PackageLocker(
                stateDirectory: folder, mirrors: MirrorList(named: "http://127.0.0.1:9/debian"),
                keyring: folder.appending("none.gpg"))
            let error = await #expect(throws: LockingError.self) { try await locker.lock(try request(packages: [])) }
            #expect(error?.kind == .host)
            #expect(error?.remedy == "apt install debian-archive-keyring")
        }
    }

    private func request(packages: [String]) throws -> LockRequest {
        let text = """
            version: 1
            name: test
            kernel: {package: linux-image-cloud-amd64}
            packages: [\(packages.joined(separator: ", "))]
            """
        let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let platform = try Platform.read("targets/platforms/x86_64.yaml") { path in
            (try? Data(contentsOf: repository.appending(path: path))).map { .bytes([UInt8]($0)) } ?? .missing
        }
        let system = try SystemConfiguration.read("system.yaml", directory: "/", platforms: [platform]) { _ in
            .bytes([UInt8](text.utf8))
        }.resolve()
        return LockRequest(system, platform: platform)
    }

    private func withTemporaryDirectory(_ body: (FilePath) async throws -> Void) async throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "bootferry-locking-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try await body(FilePath(url.path()))
    }
}
