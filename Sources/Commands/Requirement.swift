import Building
import Glibc
import SystemModel
import SystemPackage

/// One thing that the host must have, and how to get it.
struct Requirement: Sendable {
    /// What cannot be done without it: `build`, `boot`, `serve`.
    var verbs: [String]
    var name: String
    /// The platform that alone needs it; nil where all do.
    var platform: String?
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

    /// What the platforms' files ask for, each once: the default platform's for all, as `make demo` boots it.
    static func all(_ platforms: [Platform]) -> [Requirement] {
        common
            + platforms.flatMap { platform in
                platform.requirements.map { requirement in
                    var requirement = requirement
                    requirement.platform = platform.name == SystemDefaults.platform ? nil : platform.name
                    return requirement
                }
            }
    }

    /// What a verb needs for systems of one platform.
    static func needed(for verb: String, of platform: Platform) -> [Requirement] {
        (common + platform.requirements).filter { $0.verbs.contains(verb) }
    }

    /// - Throws: `CommandError` that names the first thing that the host lacks for a verb.
    static func check(for verb: String, of platform: Platform) async throws {
        for requirement in needed(for: verb, of: platform) {
            guard await requirement.isMet() else {
                throw CommandError(
                    kind: .host, subject: requirement.name, message: "is missing, and '\(verb)' needs it",
                    remedy: requirement.remedy)
            }
        }
    }

    private static let common: [Requirement] =
        [
            .program("apt-get", package: "apt", for: "lock"),
            .file("/usr/share/keyrings/debian-archive-keyring.gpg", package: "debian-archive-keyring", for: "lock"),
            .program("bwrap", package: "bubblewrap", for: "build"),
            .program("unshare", package: "util-linux", for: "build", "boot"),
            .program("ip", package: "iproute2", for: "boot"),
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

extension Platform {
    /// What this host must have to build and boot its systems, besides what all need.
    fileprivate var requirements: [Requirement] {
        var found: [Requirement] = []
        if emulator != nil {
            found.append(
                Requirement(
                    verbs: ["build"], name: "private binfmt_misc", remedy: Emulation.remedy,
                    isMet: { await Emulation.isPossible() }))
        }
        found.append(.program(qemuProgram, package: qemuPackage, for: "boot"))
        if let emulator = target?.emulator.first { found.append(.program(emulator, package: "qemu-user", for: "run")) }
        var files: Set<String> = []
        for firmware in firmware {
            guard let package = firmware.package else { continue }
            for file in firmware.files + [firmware.variables].compactMap({ $0 }) where files.insert(file).inserted {
                found.append(.file(FilePath(file), package: package, for: "boot"))
            }
        }
        return found
    }
}
