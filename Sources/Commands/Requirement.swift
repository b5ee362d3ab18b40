import Glibc
import SystemPackage

/// One thing that the host must have, and how to get it.
struct Requirement: Sendable {
    /// What cannot be done without it: `build`, `boot`, `serve`.
    var verbs: [String]
    var name: String
    /// What a person runs to have it.
    var remedy: String
    var isMet: @Sendable () async -> Bool

    /// A program, from a Debian package.
    static func program(_ name: String, package: String, for verbs: String...) -> Requirement {
        Requirement(verbs: verbs, name: name, remedy: "apt-get install \(package)") {
            Executables.find(name) != nil
        }
    }

    static func file(_ path: FilePath, package: String, for verbs: String...) -> Requirement {
        Requirement(verbs: verbs, name: path.string, remedy: "apt-get install \(package)") {
            access(path.string, R_OK) == 0
        }
    }

    static let all: [Requirement] =
        [
            .program("apt-get", package: "apt", for: "lock"),
            .file("/usr/share/keyrings/debian-archive-keyring.gpg", package: "debian-archive-keyring", for: "lock"),
            .program("bwrap", package: "bubblewrap", for: "build"),
            .program("unshare", package: "util-linux", for: "build", "boot"),
            .program("ip", package: "iproute2", for: "boot"),
            .program("qemu-system-x86_64", package: "qemu-system-x86", for: "boot"),
            .file("/usr/share/OVMF/OVMF_CODE_4M.fd", package: "ovmf", for: "boot"),
            .file("/usr/lib/ipxe/qemu/efi-virtio.rom", package: "ipxe-qemu", for: "boot"),
            Requirement(
                verbs: ["boot"], name: "/dev/net/tun for this user", remedy: "chmod 0666 /dev/net/tun (as root)",
                isMet: { access("/dev/net/tun", R_OK | W_OK) == 0 }),
        ] + (geteuid() == 0 ? [] : unprivileged)

    /// What a user who is not root needs besides.
    private static let unprivileged: [Requirement] = [
        .program("newuidmap", package: "uidmap", for: "build"),
        Requirement(
            verbs: ["build"], name: "subordinate uids in /etc/subuid",
            remedy: "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER (as root)"
        ) {
            await Executables.succeeds("unshare", ["--map-auto", "--map-root-user", "true"])
        },
        Requirement(
            verbs: ["build", "boot"], name: "user namespaces without root",
            remedy: "sysctl kernel.unprivileged_userns_clone=1 (as root)"
        ) {
            await Executables.succeeds("unshare", ["--map-root-user", "--net", "true"])
        },
    ]
}
