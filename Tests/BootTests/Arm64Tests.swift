import FileFormats
import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Debian for another processor: its packages are configured by emulation, in a user namespace with a binfmt_misc of its own.
@Suite(.serialized, .timeLimit(.minutes(40)))
struct Arm64Tests {
    static let system = BootferryProgram.checkout.appending("targets/systems/minimal-arm64/system.yaml")

    @Test func `every package of another processor's system is configured, and all of it is that processor's`()
        async throws
    {
        let report = try await BootferryProgram.shared.build(Self.system)
        let status = try #require(try await report.contents(of: "var/lib/dpkg/status"))
        let states = status.split(separator: "\n").filter { $0.hasPrefix("Status: ") }
        #expect(states.count > 70)
        #expect(Set(states) == ["Status: install ok installed"])
        try await withTemporaryFolder { folder in
            let unpacked = try await execute(
                ["sh", "-c", "for segment; do zstd -dcq \"$segment\" | bsdtar -xf - -C \"$0\" 2>/dev/null; done; true"]
                    + [folder.string] + report.segments.map(\.segment))
            try #require(unpacked.succeeded)
            var (count, foreign) = (0, Set<String>())
            let files = FileManager.default.enumerator(atPath: folder.appending("usr").string)
            while let name = files?.nextObject() as? String {
                let path = folder.appending("usr").appending(name)
                guard let machine = Self.machine(of: path) else { continue }
                count += 1
                if machine != 183 { foreign.insert(name) }
            }
            #expect(count > 300)
            #expect(foreign.isEmpty)
        }
        // Nothing of this has reached the host's own table.
        let table = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/sys/fs/binfmt_misc")) ?? []
        #expect(!table.contains("bootferry"))
    }

    /// `e_machine` of a little-endian ELF file; nil for any other file.
    private static func machine(of path: FilePath) -> Int? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: [.noFollow, .nonBlocking, .closeOnExec])
        else { return nil }
        defer { try? file.close() }
        var head = [UInt8](repeating: 0, count: 20)
        guard let count = try? head.withUnsafeMutableBytes({ try file.read(into: $0) }), count == 20,
            head.starts(with: [0x7f, 0x45, 0x4c, 0x46])
        else { return nil }
        return Int(head[18]) | Int(head[19]) << 8
    }

    @Test(arguments: ["uefi", "uefi-http", "u-boot"])
    func `minimal for arm64 boots over the network to the login prompt and phones home`(firmware: String) async throws {
        let boot = try await BootferryProgram.shared.run("boot", Self.system.string, "--firmware", firmware)
        #expect(boot.succeeded, "\(boot.messages)\n\(boot.output)")
        #expect(boot.output.contains("minimal-arm64 login:"))
        #expect(boot.messages.contains(/minimal-arm64 on 52:54:00:12:34:56: booted in [0-9]+/))
    }

    /// Some two minutes of emulation each, so not in every run.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == "1"))
    func `an ordinary user's build by emulation makes the bytes that root's made`() async throws {
        let first = try await BootferryProgram.shared.build(Self.system)
        try await withTemporaryFolder { parent in
            let folder = parent.appending("user")
            try await ThrowAwayUser.copyProgram(to: folder)
            try await execute(["chmod", "0755", parent.string])
            func build(as prefix: [String]) async throws -> BuildReport {
                let outcome = try await execute(
                    prefix + [
                        folder.appending("bootferry").string, "build", "minimal-arm64", "--data-dir",
                        folder.appending("data").string, "--state-dir", folder.appending("state").string, "--json",
                    ],
                    environment: [
                        "HOME": folder.appending("home").string,
                        "LD_LIBRARY_PATH": folder.appending("libraries").string,
                    ])
                try #require(outcome.succeeded, "\(outcome.messages)")
                return try JSONDecoder().decode(BuildReport.self, from: Data(outcome.output.utf8))
            }
            let second =
                geteuid() == 0
                ? try await ThrowAwayUser.with(owning: folder) { try await build(as: $0.prefix) }
                : try await build(as: [])
            #expect(second.image == first.image)
            #expect(second.initramfsBytes == first.initramfsBytes)
        }
    }
}
