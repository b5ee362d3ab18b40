/// The keys of a `system.yaml`: one table for parsing, suggestions, the reference page and the JSON Schema.
enum SystemFields {
    static let version = Field("version", .text(.version), default: nil, "The version of this format.")
    static let imports = Field(
        "imports", .list(of: .text(.hostPath)), default: "none",
        "Files of the same format that are merged in first, relative to this one: lists append, records merge, and text given twice is an error unless one says `!override`."
    )
    static let name = Field(
        "name", .text(.systemName), default: "the name of the folder that holds the file",
        "What the system is called in commands, generations and boot menus.")
    static let platform = Field(
        "platform", .text(.platformName), default: "`x86_64`", "The kind of machine, a file of `targets/platforms`.")

    static let board = Field(
        "board", .text(.platformName), default: "none: any machine of the platform",
        "The one machine that it is for, a file of `targets/boards`, which has its platform too.")

    static let suite = Field("suite", .text(.suite), default: "`trixie`", "The Debian release, by its code name.")
    static let components = Field(
        "components", .list(of: .text(.component)), default: "`main`",
        "The parts of the archive to take packages from.")
    static let base = Field(
        "base", .record([suite, components]), default: "Debian trixie, `main`", "Where packages come from.")

    static let packages = Field(
        "packages", .list(of: .textOrRecord(.packageName, [nix])), default: "none",
        "Debian packages by name; what they need comes along, and so does everything essential. And Nix closures.")
    static let nix = Field(
        "nix", .text(.storePath), default: nil,
        "A store path that is in the system with all that it refers to, under `/nix/store`; its programs are in `/usr/local/bin` and `/usr/local/sbin`. It comes from `bootferry import` or `--substituter`."
    )

    static let recipes = Field(
        "recipes", .list(of: .text(.recipeName)), default: "none: the system is made of Debian packages",
        "Recipes that the system is made of instead of packages, folders of `targets/recipes`.")

    static let kernelPackage = Field(
        "package", .text(.packageName), default: "the platform's",
        "The Debian package that carries the kernel, usually a metapackage.")
    static let kernelParameters = Field(
        "parameters", .list(of: .text(.kernelParameter)), default: "none", "Words for the kernel's command line.")
    static let kernelRecipe = Field(
        "recipe", .text(.recipeName), default: "`linux`", "The recipe that makes the kernel, in a system of recipes.")
    static let kernel = Field(
        "kernel", .record([kernelPackage, kernelRecipe, kernelParameters]), default: "the platform's",
        "The kernel and its parameters.")

    static let hostname = Field(
        "hostname", .text(.hostname), default: "the system's name", "The name a node has until DHCP gives it another.")

    static let passwordHash = Field(
        "password-hash", .text(.passwordHash), default: "`*`, which lets no password in",
        "A crypt(5) hash, as `mkpasswd` prints it.")
    static let sshKeys = Field(
        "ssh-keys", .list(of: .text(.sshKey)), default: "none", "Public keys that may log in, as in authorized_keys.")
    static let groups = Field(
        "groups", .list(of: .text(.accountName)), default: "none", "Supplementary groups, which must exist.")
    static let uid = Field(
        "uid", .text(.userNumber), default: "the next free number from 1000", "The user number; `root` is always 0.")
    static let shell = Field(
        "shell", .text(.absolutePath), default: "`/bin/bash`; `/bin/sh` in a system of recipes",
        "The program run at login.")
    static let home = Field(
        "home", .text(.absolutePath), default: "`/home/NAME`, `/root` for root", "The home directory.")
    static let users = Field(
        "users", .map(keys: .accountName, values: .record([passwordHash, sshKeys, groups, uid, shell, home])),
        default: "none: nobody can log in", "Who may log in, by account name; `root` too.")

    static let enabled = Field(
        "enabled", .list(of: .text(.unitName)), default: "none",
        "systemd units to start at boot besides those Debian's packages choose.")
    static let disabled = Field(
        "disabled", .list(of: .text(.unitName)), default: "none", "systemd units not to start at boot.")
    static let services = Field(
        "services", .record([enabled, disabled]), default: "what Debian's packages choose",
        "Which systemd units start at boot.")

    static let text = Field("text", .text(.anyText), default: "see `source`", "The contents of the file.")
    static let source = Field(
        "source", .text(.hostPath), default: "one of `text`, `source` and `link` must be given",
        "A file on the build host with the contents, relative to the file that says so.")
    static let link = Field("link", .text(.hostPath), default: "see `source`", "The target of a symbolic link.")
    static let mode = Field("mode", .text(.mode), default: "`0644`", "Permission bits in octal, in quotes.")
    static let owner = Field("owner", .text(.accountName), default: "`root`", "The account that owns the file.")
    static let group = Field("group", .text(.accountName), default: "`root`", "The group of the file.")
    static let files = Field(
        "files", .map(keys: .absolutePath, values: .record([text, source, link, mode, owner, group])),
        default: "none", "Files put into the system, by absolute path.")

    static let addresses = Field(
        "addresses", .list(of: .text(.addressWithPrefix)), default: "none", "Addresses in CIDR notation.")
    static let gateway = Field("gateway", .text(.address), default: "none", "The router for everything else.")
    static let nameServers = Field("name-servers", .list(of: .text(.address)), default: "none", "DNS servers.")
    static let interfaces = Field(
        "interfaces", .map(keys: .interface, values: .record([addresses, gateway, nameServers])),
        default: "every interface uses DHCP",
        "Interfaces with fixed addresses, by name, pattern (`en*`) or MAC address.")
    static let network = Field(
        "network", .record([interfaces]), default: "every interface uses DHCP",
        "How interfaces get addresses, through systemd-networkd.")

    static let timeZone = Field(
        "time-zone", .text(.timeZone), default: "`Etc/UTC`", "A name under /usr/share/zoneinfo.")
    static let locale = Field("locale", .text(.locale), default: "`C.UTF-8`", "The language and encoding of programs.")
    static let keep = Field(
        "keep", .list(of: .text(.keptExtra)), default: "none",
        "What stays in an image though a node pays for it in RAM.")
    static let root = Field(
        "root", .text(.rootKind), default: "`ram`",
        "Where the root file system lives: `ram` unpacks everything into memory.")
    static let memory = Field(
        "memory", .text(.memory), default: "`1 GiB`",
        "The RAM of the smallest node this system is for; an image that cannot fit is refused.")

    static let table: [Field] = [
        version, imports, name, platform, board, base, packages, recipes, kernel, hostname, users, services, files,
        network,
        timeZone, locale, keep, root, memory,
    ]
}
