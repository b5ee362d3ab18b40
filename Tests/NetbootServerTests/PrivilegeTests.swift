import Foundation
import Testing

/// What the server may still do while it serves, as the kernel tells it.
@Suite(.enabled(if: Laboratory.isPossible, "needs root, and \(Laboratory.tools.joined(separator: ", "))"), .serialized)
struct PrivilegeTests {
    /// A field of every thread's status; one value where all agree.
    private func threads(_ process: Int32, _ field: String) throws -> Set<String> {
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
        #expect(tasks.count > 4)
        return Set(
            try tasks.map { task in
                let status = try String(contentsOfFile: "/proc/\(process)/task/\(task)/status", encoding: .utf8)
                let line = status.split(separator: "\n").first { $0.hasPrefix("\(field):") } ?? ""
                return line.split(whereSeparator: \.isWhitespace).dropFirst().joined(separator: " ")
            })
    }

    private func expectNothingLeft(_ process: Int32, as user: Int) throws {
        let four = Array(repeating: "\(user)", count: 4).joined(separator: " ")
        #expect(try threads(process, "Uid") == [four])
        #expect(try threads(process, "Gid") == [four])
        for capabilities in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            #expect(try threads(process, capabilities) == ["0000000000000000"], "\(capabilities)")
        }
        #expect(try threads(process, "NoNewPrivs") == ["1"])
        #expect(try threads(process, "Seccomp") == ["2"])
    }

    @Test func `with its ports bound the server is nobody, in every thread, and still serves and writes leases`() throws
    {
        let lab = try Laboratory()
        let folder = lab.file("netboot")
        let said = try lab.serve([
            "--range", "10.77.0.100-10.77.0.110", "--authoritative", "--user", "nobody", "--writes", folder.path,
            "--leases", folder.appendingPathComponent("leases.json").path,
        ])
        #expect(said().contains("ready"), "\(said())")
        let process = try #require(lab.server)
        try expectNothingLeft(process, as: 65_534)
        #expect(try threads(process, "Groups") == [""])
        let script = "printf '#!/bin/sh\\n[ $1 = bound ] && echo GOT $ip\\nexit 0\\n' > s; chmod +x s; "
        #expect(
            try lab.client(script + "busybox udhcpc -i veth1 -n -q -f -s ./s").output.contains("GOT 10.77.0.1"))
        // A transfer's own port is bound by then-nobody.
        #expect(try lab.client("busybox tftp -g -b 1400 -r kernel -l got1 10.77.0.1").status == 0)
        #expect(try lab.client("curl -sf -o got2 http://10.77.0.1:8080/initrd").status == 0)
        #expect(try Data(contentsOf: lab.file("got1")) == Laboratory.kernel)
        #expect(try Data(contentsOf: lab.file("got2")) == Laboratory.initramfs)
        let leases = folder.appendingPathComponent("leases.json").path
        #expect(try FileManager.default.attributesOfItem(atPath: leases)[.ownerAccountID] as? Int == 65534)
    }

    @Test func `who stays root does so without capabilities`() throws {
        let lab = try Laboratory()
        let said = try lab.serve(["--user", "root"])
        #expect(said().contains("ready"), "\(said())")
        try expectNothingLeft(try #require(lab.server), as: 0)
        #expect(try lab.client("curl -sf -o got http://10.77.0.1:8080/initrd").status == 0)
        #expect(try lab.client("busybox tftp -g -r kernel -l got1 10.77.0.1").status == 0)
    }

    @Test func `a user that cannot reach the store is refused by the name of the folder`() throws {
        let lab = try Laboratory()
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: lab.directory.path)
        let said = try lab.serve(["--user", "nobody"])
        #expect(said().contains("cannot read \(lab.file("store").path)") && said().contains("chmod o+x"), "\(said())")
        #expect(!said().contains("ready"))
    }

    @Test func `what a user planted in the folder that it was given is not given to another`() throws {
        let lab = try Laboratory()
        let folder = lab.file("netboot")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let precious = lab.file("precious")
        try Data("root's".utf8).write(to: precious)
        try FileManager.default.createSymbolicLink(
            at: folder.appendingPathComponent("link"), withDestinationURL: precious)
        try FileManager.default.linkItem(at: precious, to: folder.appendingPathComponent("second-name"))
        let said = try lab.serve(["--user", "nobody", "--writes", folder.path])
        #expect(said().contains("ready"), "\(said())")
        #expect(try FileManager.default.attributesOfItem(atPath: folder.path)[.ownerAccountID] as? Int == 65534)
        #expect(try FileManager.default.attributesOfItem(atPath: precious.path)[.ownerAccountID] as? Int == 0)
    }

    static let unit = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("netboot/systemd/bootferry.service")

    @Test(.enabled(if: Laboratory.finds(["systemd-analyze"]), "needs systemd-analyze"))
    func `the systemd unit is understood, and its sandbox is tight`() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("unit-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let copy = folder.appendingPathComponent("bootferry.service")
        let text = try String(contentsOf: Self.unit, encoding: .utf8)
        // Its program is not installed here.
        try text.replacingOccurrences(of: "/usr/local/bin/bootferry", with: "/bin/true")
            .write(to: copy, atomically: true, encoding: .utf8)
        let verified = try Laboratory.run("systemd-analyze", ["verify", "--man=no", copy.path])
        #expect(verified.status == 0 && !verified.output.contains("bootferry.service:"), "\(verified.output)")
        // Of 100, where 0 is nothing exposed; a plain service has 96.
        let security = try Laboratory.run(
            "systemd-analyze", ["security", "--offline=true", "--no-pager", "--threshold=20", copy.path])
        #expect(security.status == 0, "\(security.output.suffix(300))")
    }
}
