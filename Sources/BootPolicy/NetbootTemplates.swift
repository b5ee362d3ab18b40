import Mustache

/// The boot scripts' templates, as `netboot/` holds them.
public struct NetbootTemplates: Sendable {
    let ipxe: MustacheTemplate

    /// - Parameter ipxe: The text of `netboot/ipxe/boot.ipxe`.
    /// - Throws: `BootPolicyError` that names the file.
    public init(ipxe: String) throws(BootPolicyError) {
        do {
            self.ipxe = try MustacheTemplate(string: ipxe)
        } catch {
            throw BootPolicyError(
                subject: "netboot/ipxe/boot.ipxe", message: "not a mustache template", cause: "\(error)")
        }
    }
}
