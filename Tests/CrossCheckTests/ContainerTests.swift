import Foundation
import SystemPackage
import TestSupport
import Testing

/// A system as a container: skopeo takes its image, and it runs.
@Suite(.serialized, .timeLimit(.minutes(10))) struct ContainerTests {
    private struct Report: Decodable {
        var tag: String
        var layers: Int
    }

    @Test func `skopeo copies the image with every digest checked, and what it unpacks runs under bubblewrap`()
        async throws
    {
        let program = BootferryProgram.shared
        _ = try await program.build()
        try await withTemporaryFolder { folder in
            let image = folder.appending("image").string
            let outcome = try await program.run("export", "minimal", "--to", image, "--format", "oci", "--json")
            #expect(outcome.succeeded, "\(outcome.messages)")
            let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
            #expect(report.layers > 3)
            let told = try await execute(["skopeo", "inspect", "oci:\(image):\(report.tag)"])
            #expect(
                told.succeeded && told.output.contains("\"Architecture\": \"amd64\""), "\(told.messages)\(told.output)")
            // Every layer's digest is checked, and that of what it unpacks to.
            let copied = try await execute([
                "skopeo", "copy", "--quiet", "--dest-decompress", "oci:\(image):\(report.tag)", "dir:\(folder)/copy",
            ])
            #expect(copied.succeeded, "\(copied.messages)")
            try #"""
            . /etc/os-release; echo "$ID $VERSION_ID"
            dpkg --audit; dpkg-query -W -f '${Status}\n' bash
            stat -c '%a %U' /usr/bin/su /etc/shadow; cat /etc/hostname
            while read -r path; do [ ! -e "/$path" ] || echo "/$path is there"; done </usr/lib/bootferry/removals
            """#.write(toFile: folder.appending("run").string, atomically: false, encoding: .utf8)
            // In a user namespace where it is not root's, so that owners and modes are the image's whoever runs the tests.
            let ran = try await execute([
                "sh", "-ec",
                #"""
                space="unshare --mount"
                [ "$(id -u)" = 0 ] || space="unshare --map-auto --map-root-user --mount"
                exec $space sh -ec '
                    cd "$0"; mkdir root
                    digests="import json; print(*[l[\"digest\"].split(\":\")[1] for l in json.load(open(\"copy/manifest.json\"))[\"layers\"]])"
                    for layer in $(python3 -c "$digests"); do
                        tar -C root --exclude "dev/*" -xpf "copy/$layer"
                        find root -name ".wh.*" | while read -r gone; do
                            rm -rf "$gone" "$(dirname "$gone")/$(basename "$gone" | sed "s/^\.wh\.//")"
                        done
                    done
                    bwrap --bind root / --proc /proc --dev /dev --ro-bind run /run/script --unshare-all /bin/sh /run/script' "$0"
                """#, folder.string,
            ])
            let lines = ran.output.split(separator: "\n").map(String.init)
            #expect(ran.succeeded, "\(ran.messages)")
            #expect(
                lines == ["debian 13", "install ok installed", "4755 root", "640 root", "minimal"],
                "\(ran.output)\(ran.messages)")
        }
    }

    @Test func `options that a container has no use for are refused`() async throws {
        let program = BootferryProgram(stateDirectory: "/nonexistent/state")
        for arguments in [["--key", "home-1"], ["--path", "/nix/store/x"]] {
            let outcome = try await program.run(
                ["export", "minimal", "--to", "x", "--format", "oci"] + arguments, withState: false)
            #expect(outcome.status == .exited(2), "\(outcome.messages)")
        }
        let piped = try await program.run("export", "minimal", "--to", "-", "--format", "oci", withState: false)
        #expect(piped.status == .exited(2))
        #expect(piped.messages.contains("one system into a folder"), "\(piped.messages)")
    }
}
