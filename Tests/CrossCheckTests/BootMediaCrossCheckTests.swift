import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// Media that boot, as real tools see them: partition tables, FAT32, ISO 9660, and real block devices.
@Suite(.serialized) struct BootMediaCrossCheckTests {
    private struct Report: Decodable {
        var bytes: Int
        var sha256: String
    }

    private static func image(_ output: String, _ options: String...) async throws -> BootferryProgram.Outcome {
        try await BootferryProgram.shared.run(
            ["image", "minimal", "--no-build", "--json", "--output", output] + options)
    }

    private static func require(_ command: String..., says: String? = nil) async throws {
        let outcome = try await execute(command)
        #expect(outcome.succeeded, "\(command): \(outcome.output)\(outcome.messages)")
        if let says { #expect(outcome.output.contains(says), "\(command): \(outcome.output)") }
    }

    @Test func `every real tool finds a sound disk, and the image's own bytes on it`() async throws {
        let build = try await BootferryProgram.shared.build()
        try await withTemporaryFolder { folder in
            let files = ["usb", "iso", "disk"].map { (format: $0, path: folder.appending("medium.\($0)").string) }
            for file in files {
                let outcome = try await Self.image(file.path, "--format", file.format)
                try #require(outcome.succeeded, "\(outcome.messages)")
                let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
                let digest = try await execute(["sha256sum", file.path])
                #expect(digest.output.hasPrefix(report.sha256))
            }
            let disk = files[0].path
            for other in files.dropFirst() { try await Self.require("cmp", disk, other.path) }
            try await Self.require("sgdisk", "-v", disk, says: "No problems found")
            try await Self.require("sfdisk", "--verify", disk)
            let table = try await execute(["sfdisk", "--json", disk])
            #expect(table.output.contains("C12A7328-F81F-11D2-BA4B-00A0C93EC93B"))
            #expect(table.output.contains("21686148-6449-6E6F-744E-656564454649"))

            let partition = folder.appending("efi").string
            try await Self.require(
                "sh", "-c", #"dd if="$0" of="$1" bs=1M skip=1 status=none && truncate -s -16896 "$1""#, disk, partition)
            try await Self.require("fsck.fat", "-n", "-v", partition, says: "32 bit entries")
            let program = folder.appending("BOOTX64.EFI").string
            try await Self.require("mcopy", "-i", "\(disk)@@1M", "::/EFI/BOOT/BOOTX64.EFI", program)
            for (section, expected) in [(".linux", build.kernel), (".initrd", nil)] {
                let file = folder.appending("section").string
                try await Self.require("objcopy", "-O", "binary", "--only-section=\(section)", program, file)
                if let expected { try await Self.require("cmp", file, expected) }
            }
            // ISO 9660 shows the same bytes once more.
            let unpacked = folder.appending("disc").string
            try await Self.require(
                "sh", "-c", #"mkdir "$1" && bsdtar -C "$1" -xf "$0""#, disk, unpacked)
            let names = try await execute([
                "sh", "-c", "cd \"$0\" && find . -type f | sort | tr '[:lower:]' '[:upper:]'", unpacked,
            ])
            #expect(
                names.output.split(separator: "\n").map(String.init) == [
                    "./INITRD.IMG", "./ISOLINUX/ISOLINUX.BIN", "./ISOLINUX/ISOLINUX.CFG", "./ISOLINUX/LDLINUX.C32",
                    "./VMLINUZ",
                ])
            let plain = folder.appending("plain")
            _ = try await BootferryProgram.shared.build(BootferryProgram.minimal, "--output", plain.string)
            let compare =
                #"cmp "$(find "$0" -iname vmlinuz*)" "$1/vmlinuz" && cmp "$(find "$0" -iname initrd.img*)" "$1/initramfs.img""#
            try await Self.require("sh", "-c", compare, unpacked, plain.string)
        }
    }

    @Test func `a file or folder that is no medium is refused before anything is written`() async throws {
        _ = try await BootferryProgram.shared.build()
        try await withTemporaryFolder { folder in
            for (output, words) in [
                (folder.string, "is neither a file nor a disk"), ("/dev/null", "is neither a file nor a disk"),
                ("/dev/no-such-disk", "is no device"),
            ] {
                let outcome = try await Self.image(output, "--format", "usb")
                #expect(outcome.status == .exited(2))
                #expect(outcome.messages.contains(words), "\(outcome.messages)")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.string) == [])
        }
    }

    /// Whether this host lends us a loop device.
    private static let hasLoopDevices: Bool = {
        guard geteuid() == 0 else { return false }
        let descriptor = open("/dev/loop-control", O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        close(descriptor)
        return true
    }()

    private static func withLoopDevice(
        over file: FilePath, bytes: Int, options: [String] = [], _ body: (String) async throws -> Void
    ) async throws {
        try await require("truncate", "-s", "\(bytes)", file.string)
        let made = try await execute(["losetup", "--find", "--show", "--partscan"] + options + [file.string])
        try #require(made.succeeded, "\(made.messages)")
        let device = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let result: Result<Void, any Error>
        do { result = .success(try await body(device)) } catch { result = .failure(error) }
        try await execute(["losetup", "--detach", device])
        try result.get()
    }

    @Test(.enabled(if: hasLoopDevices))
    func `a block device is written to its end, and one that is in use is refused by name`() async throws {
        _ = try await BootferryProgram.shared.build()
        try await withTemporaryFolder { folder in
            let file = folder.appending("disk")
            try await Self.withLoopDevice(over: file, bytes: 300 << 20) { device in
                let fixed = try await Self.image(device, "--format", "usb")
                #expect(fixed.status == .exited(5))
                #expect(fixed.messages.contains("is no removable medium"), "\(fixed.messages)")
                #expect(fixed.messages.contains("--format disk"))
                try await Self.require("cmp", "-n", "1048576", device, "/dev/zero")

                let written = try await Self.image(device, "--format", "disk")
                try #require(written.succeeded, "\(written.messages)")
                try await Self.require("sgdisk", "-v", device, says: "No problems found")
                let again = folder.appending("file").string
                let plain = try await Self.image(again, "--format", "disk")
                try #require(plain.succeeded, "\(plain.messages)")
                let whole = try FileManager.default.attributesOfItem(atPath: again)[.size] as? Int ?? 0
                // All but the table, which says how large its disk is.
                try await Self.require("cmp", "-i", "17408", "-n", "\(whole - 17408 - 16896)", again, device)

                let mount = folder.appending("mounted").string
                try await Self.require(
                    "sh", "-c", "mke2fs -q -F \"$0\" 8m && mkdir \"$1\" && mount \"$0\" \"$1\"", device, mount)
                let inUse = try await Self.image(device, "--format", "disk")
                try await execute(["umount", mount])
                #expect(inUse.status == .exited(5))
                #expect(inUse.messages.contains("is mounted at '\(mount)'"), "\(inUse.messages)")
                #expect(inUse.messages.contains("umount \(device)"))
            }
            try await Self.withLoopDevice(over: folder.appending("small"), bytes: 8 << 20) { device in
                let small = try await Self.image(device, "--format", "disk")
                #expect(small.status == .exited(5))
                #expect(small.messages.contains("is too small"), "\(small.messages)")
                try await Self.require("cmp", "-n", "8388608", device, "/dev/zero")
            }
            try await Self.withLoopDevice(over: folder.appending("locked"), bytes: 300 << 20, options: ["-r"]) {
                device in
                let locked = try await Self.image(device, "--format", "disk")
                #expect(locked.messages.contains("is read-only"), "\(locked.messages)")
            }
        }
    }
}
