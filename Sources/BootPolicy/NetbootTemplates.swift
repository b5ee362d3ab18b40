import Mustache

/// The boot scripts' templates, as `netboot/` holds them.
public struct NetbootTemplates: Sendable {
    let ipxe: MustacheTemplate
    let generations: MustacheTemplate

    /// - Parameters:
    ///   - ipxe: The text of `netboot/ipxe/boot.ipxe`.
    ///   - generations: The text of `netboot/ipxe/generations.ipxe`; without it there is no menu of them.
    /// - Throws: `BootPolicyError` that names the file.
    public init(ipxe: String, generations: String = "#!ipxe\n") throws(BootPolicyError) {
        self.ipxe = try Self.template(ipxe, "boot.ipxe")
        self.generations = try Self.template(generations, "generations.ipxe")
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
