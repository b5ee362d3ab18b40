import Building
import Foundation
import SystemPackage

/// `builtin:init`: the first segment: `/init`, the merged-/usr links, the mount points, and Bootferry's own programs.
///
/// Environment: `toolbox`, and `files`, a JSON object of the files in `netboot/init` (or, for a system of recipes, in
/// `netboot/busybox`) by name: `init` becomes `/init`, `NAME.service`
/// a systemd unit wanted by `multi-user.target`, and anything else a program in `/usr/lib/bootferry`.
public struct InitBuilder: Builder {
    public init() {}

    public func build(_ request: BuildRequest) async throws {
        let toolbox = Toolbox(root: request.physical(try request.require("toolbox")))
        let files = try JSONDecoder().decode(
            [String: String].self, from: Data(try request.require("files").utf8))
        guard files["init"] != nil else {
            throw BuildError(subject: request.derivation.name, message: "has no file 'init' among 'files'")
        }
        try await toolbox.makeSegment(named: "init", in: request.output) { writer in
            for name in ["dev", "etc", "proc", "run", "sys", "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin"] {
                try writer.directory(name)
            }
            let hasUnits = files.keys.contains { $0.hasSuffix(".service") }
            let folders = hasUnits ? ["usr/lib/systemd", "usr/lib/systemd/system"] : []
            for name in ["root", "home", "var"] + folders + ["usr/lib/bootferry"] {
                try writer.directory(name, permissions: name == "root" ? 0o700 : 0o755)
            }
            try writer.directory("tmp", permissions: 0o1777)
            for name in ["bin", "lib", "lib64", "sbin"] { try writer.link(name, to: "usr/\(name)") }
            let units = "usr/lib/systemd/system"
            if hasUnits { try writer.directory("\(units)/multi-user.target.wants") }
            for (name, text) in files.sorted(by: { $0.key < $1.key }) {
                if name == "init" {
                    try writer.file("init", Array(text.utf8), permissions: 0o755)
                } else if name.hasSuffix(".service") {
                    try writer.file("\(units)/\(name)", Array(text.utf8))
                    try writer.link("\(units)/multi-user.target.wants/\(name)", to: "../\(name)")
                } else {
                    try writer.file("usr/lib/bootferry/\(name)", Array(text.utf8), permissions: 0o755)
                }
            }
        }
    }
}
