import FileFormats
import Glibc
import Subprocess
import SystemPackage

/// How a sandbox runs the programs of another processor: by an emulator that the kernel starts for them (binfmt_misc), in a
/// user namespace that has a table of its own. The host's table is neither read nor written.
///
/// Needs Linux 6.7 or newer. The table lasts as long as its mount, which `bwrap`'s outer process keeps.
public struct Emulation: Sendable {
    /// On the host: a static program, since nothing of the host is in the sandbox.
    public var program: FilePath
    /// What it runs.
    public var format: BinaryFormat

    public init(program: FilePath, format: BinaryFormat) {
        self.program = program
        self.format = format
    }

    /// The line that a sandbox's log has where the host could not do it.
    public static let refusal = "bootferry: no private binfmt_misc"

    /// What a person does about that.
    public static let remedy =
        "Linux 6.7 or newer with binfmt_misc (modprobe binfmt_misc, as root) and user namespaces; `uname -r` says which runs"

    /// The command that goes before a sandbox's own.
    var command: [String] {
        Self.namespace + [
            "sh", "-c", Self.registering, "sh", format.registration(name: "bootferry", interpreter: program.string),
        ]
    }

    /// Whether the host can.
    public static func isPossible() async -> Bool {
        let command = namespace + ["sh", "-c", registering, "sh", "", "true"]
        let result = try? await Subprocess.run(
            .name(command[0]), arguments: Arguments(Array(command.dropFirst())), input: .none, output: .discarded,
            error: .discarded)
        return result?.terminationStatus.isSuccess ?? false
    }

    /// Enters a user and a mount namespace in which this user is root and files may have many owners.
    private static var namespace: [String] {
        geteuid() == 0
            ? ["sh", "-c", identity, "sh"] : ["unshare", "--map-auto", "--map-root-user", "--mount", "--"]
    }

    /// Registers its first argument, unless that is empty, and becomes the command after it. Any folder will do for the
    /// mount, which only this mount namespace sees; this one is on every host.
    private static let registering = #"""
        line=$1; shift
        if mount -t binfmt_misc bootferry /proc/sys/fs && { [ -z "$line" ] || printf %s "$line" >/proc/sys/fs/register; }
        then exec "$@"
        fi
        echo "bootferry: no private binfmt_misc" >&2
        exit 1
        """#

    /// Root's way: every number stays what it is. Who has begun a user namespace may not write its maps himself, and by
    /// unshare(1) root would need subordinate numbers; so a child that stays outside writes them.
    private static let identity = #"""
        own=$(readlink /proc/self/ns/user)
        pid=$$
        {
            while [ "$(readlink /proc/$pid/ns/user)" = "$own" ]; do sleep 0.01; done
            for map in gid_map uid_map; do
                awk '{ print $1, $1, $3 }' /proc/self/$map >/proc/$pid/$map || kill -9 $pid
            done
        } >/dev/null 2>&1 &
        exec unshare --user -- sh -c \
            'until grep -q . /proc/self/uid_map; do sleep 0.01; done; exec unshare --mount -- "$@"' sh "$@"
        """#
}
