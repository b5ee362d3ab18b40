import BootPolicy
import Diagnostics
import Glibc
import Planning
import SystemModel
import SystemPackage

/// `targets/` and `netboot/`: everything that is data and not code, by one folder.
struct ProjectData {
    let folder: FilePath

    /// The folder named, or the nearest one above the program that holds both: the checkout it was built in,
    /// or `/usr/share/bootferry` beside `/usr/bin`.
    init(named: String?) throws {
        if let named {
            folder = FilePath(named)
            return
        }
        var above = try FilePath(readLink("/proc/self/exe"))
        while above.removeLastComponent() {
            for candidate in [above, above.appending("share/bootferry")]
            where access(candidate.appending("netboot/init/init").string, R_OK) == 0 {
                folder = candidate
                return
            }
        }
        throw CommandError(
            kind: .host, subject: "targets/ and netboot/", message: "are not above the program's folder",
            remedy: "name the folder that holds them with --data-dir")
    }

    func platforms() throws -> [Platform] {
        let platforms = folder.appending("targets/platforms")
        return try HostFiles.names(in: platforms).filter { $0.hasSuffix(".yaml") }.map {
            try Platform.read(platforms.appending($0).string) { HostFiles.content($0) }
        }
    }

    /// The platform of a name, out of its own file alone: a build of one system need not read the others. Every platform there
    /// is for nil, and where no file of that name has it.
    func platforms(named name: String?) throws(ConfigurationError) -> [Platform] {
        let folder = folder.appending("targets/platforms")
        if let file = name.flatMap({ FilePath.Component("\($0).yaml") }).map({ folder.appending($0) }),
            access(file.string, R_OK) == 0
        {
            let platform = try Platform.read(file.string) { HostFiles.content($0) }
            if platform.name == name { return [platform] }
        }
        var platforms: [Platform] = []
        for file in (try? HostFiles.names(in: folder)) ?? [] where file.hasSuffix(".yaml") {
            platforms.append(try Platform.read(folder.appending(file).string) { HostFiles.content($0) })
        }
        return platforms
    }

    /// Every board there is.
    func boards() throws(ConfigurationError) -> [Board] {
        let folder = folder.appending("targets/boards")
        var boards: [Board] = []
        for name in (try? HostFiles.names(in: folder)) ?? [] where name.hasSuffix(".yaml") {
            boards.append(try Board.read(folder.appending(name).string) { HostFiles.content($0) })
        }
        return boards
    }

    /// Where recipes lie, each in a folder of its name, and their lock.
    var recipeFolder: FilePath { folder.appending("targets/recipes") }

    /// Every recipe, checked together.
    func recipes() throws -> RecipeBook {
        let names = try HostFiles.names(in: recipeFolder).filter {
            access(recipeFolder.appending($0).appending("recipe.yaml").string, R_OK) == 0
        }
        return try RecipeBook(
            names.map {
                try Recipe.read(recipeFolder.appending($0).appending("recipe.yaml").string) { HostFiles.content($0) }
            })
    }

    /// A platform, or a variant of one, by name; an error names those there are.
    func platform(_ name: String) throws -> Platform {
        let platforms = try platforms()
        if let platform = platforms.first(where: { $0.name == name }) { return platform }
        let variants = platforms.flatMap { platform in platform.variants.compactMap { platform.variant(named: $0.name) }
        }
        if let variant = variants.first(where: { $0.fullName == name }) { return variant }
        let names = (platforms + variants).map(\.fullName)
        throw CommandError(
            kind: .usage, subject: name,
            message: "is no platform"
                + (nearestSpelling(to: name, among: names).map { "; did you mean '\($0)'?" } ?? ""),
            remedy: "the platforms: \(names.joined(separator: ", "))")
    }

    /// What editors and patch(1) leave beside a file.
    private static let leftoverEndings = ["~", ".orig", ".rej", ".swp"]

    /// The texts of `netboot/init`, by file name.
    func initFiles() throws -> [String: String] { try texts(in: "netboot/init") }

    /// The texts of `netboot/busybox`: what a system of recipes begins with.
    func baseFiles() throws -> RecipePlanner.BaseFiles { .init(try texts(in: "netboot/busybox")) }

    /// The files of a folder by name; leftovers of editing are no part of an image.
    private func texts(in name: String) throws -> [String: String] {
        let scripts = folder.appending(name)
        return try Dictionary(
            uniqueKeysWithValues: HostFiles.names(in: scripts)
                .filter { name in !Self.leftoverEndings.contains { name.hasSuffix($0) } }
                .map { ($0, try HostFiles.text(scripts.appending($0))) })
    }

    func templates() throws -> NetbootTemplates {
        let scripts = folder.appending("netboot/ipxe")
        return try NetbootTemplates(
            ipxe: HostFiles.text(scripts.appending("boot.ipxe")),
            generations: HostFiles.text(scripts.appending("generations.ipxe")),
            menu: HostFiles.text(scripts.appending("menu.ipxe")),
            identify: HostFiles.text(scripts.appending("identify.ipxe")),
            pxelinux: HostFiles.text(folder.appending("netboot/pxelinux/pxelinux.cfg")),
            wholeNames: HostFiles.text(folder.appending("netboot/pxelinux/whole-names.cfg")),
            grub: HostFiles.text(folder.appending("netboot/grub/grub.cfg")),
            grubMenu: HostFiles.text(folder.appending("netboot/grub/menu.cfg")),
            grubIdentify: HostFiles.text(folder.appending("netboot/grub/identify.cfg")),
            uBoot: HostFiles.text(folder.appending("netboot/uboot/boot.txt")),
            uBootMenu: HostFiles.text(folder.appending("netboot/uboot/pxelinux.cfg")))
    }
}

/// What a symbolic link says.
func readLink(_ path: String) throws -> String {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = buffer.withUnsafeMutableBytes { bytes in
        bytes.baseAddress.map { readlink(path, $0, bytes.count) } ?? -1
    }
    guard count > 0 else {
        throw CommandError(subject: path, message: "cannot be read", cause: String(cString: strerror(errno)))
    }
    return String(decoding: buffer[..<count], as: UTF8.self)
}

/// The folder that relative paths start from.
func currentDirectory() -> String {
    guard let pointer = getcwd(nil, 0) else { return "/" }
    defer { free(pointer) }
    return String(cString: pointer)
}
