import Mustache

/// The boot scripts' templates, as `netboot/` holds them.
public struct NetbootTemplates: Sendable {
    let ipxe: MustacheTemplate
    let generations: MustacheTemplate
    let pxelinux: MustacheTemplate
    let wholeNames: MustacheTemplate
    let menu: MustacheTemplate
    let identify: MustacheTemplate
    let grub: MustacheTemplate
    let grubMenu: MustacheTemplate
    let grubIdentify: MustacheTemplate
    let uBoot: MustacheTemplate
    let uBootMenu: MustacheTemplate

    /// - Parameters:
    ///   - ipxe: The text of `netboot/ipxe/boot.ipxe`, which boots a system.
    ///   - generations: The text of `netboot/ipxe/generations.ipxe`; without it there is no menu of them.
    ///   - menu: The text of `netboot/ipxe/menu.ipxe`, which lets somebody choose one.
    ///   - pxelinux: The text of `netboot/pxelinux/pxelinux.cfg`.
    ///   - wholeNames: The text of `netboot/pxelinux/whole-names.cfg`, for firmware that reads such files itself.
    ///   - identify: The text of `netboot/ipxe/identify.ipxe`, which tells the machine's serial number.
    ///   - grub: The text of `netboot/grub/grub.cfg`.
    ///   - grubMenu: The text of `netboot/grub/menu.cfg`, which lets somebody choose a system.
    ///   - grubIdentify: The text of `netboot/grub/identify.cfg`, which makes GRUB tell which machine it is on.
    ///   - uBoot: The text of `netboot/uboot/boot.txt`, U-Boot's script.
    ///   - uBootMenu: The text of `netboot/uboot/pxelinux.cfg`, what its `pxe` reads.
    /// - Throws: `BootPolicyError` that names the file.
    public init(
        ipxe: String, generations: String = "#!ipxe\n", menu: String = "#!ipxe\n", identify: String = "#!ipxe\n",
        pxelinux: String = "", wholeNames: String = "", grub: String = "", grubMenu: String = "",
        grubIdentify: String = "",
        uBoot: String = "", uBootMenu: String = ""
    ) throws(BootPolicyError) {
        self.generations = try Self.template(generations, "generations.ipxe")
        self.pxelinux = try Self.template(pxelinux, "../pxelinux/pxelinux.cfg")
        self.wholeNames = try Self.template(wholeNames, "../pxelinux/whole-names.cfg")
        self.ipxe = try Self.template(ipxe, "boot.ipxe")
        self.menu = try Self.template(menu, "menu.ipxe")
        self.identify = try Self.template(identify, "identify.ipxe")
        self.grub = try Self.template(grub, "../grub/grub.cfg")
        self.grubMenu = try Self.template(grubMenu, "../grub/menu.cfg")
        self.uBoot = try Self.template(uBoot, "../uboot/boot.txt")
        self.uBootMenu = try Self.template(uBootMenu, "../uboot/pxelinux.cfg")
        self.grubIdentify = try Self.template(grubIdentify, "../grub/identify.cfg")
    }

    private static func template(_ text: String, _ name: String) throws(BootPolicyError) -> MustacheTemplate {
        do {
            return try MustacheTemplate(string: text)
        } catch {
            throw BootPolicyError(
                subject: "netboot/ipxe/\(name)", message: "not a mustache template", cause: "\(error)")
        }
    }
}
