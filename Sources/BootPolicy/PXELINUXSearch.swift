import BootProtocols

/// How PXELINUX asks for its configuration by HTTP, where it was not this server that named its boot file: whoever sends it
/// there has `CONFIG http://SERVER:8080/pxelinux.cfg` in a configuration of his own.
///
/// `lpxelinux.0` adds to each request what it knows of its machine, as cookies (Syslinux's `doc/syslinux.txt`, SENDCOOKIES and
/// SYSAPPEND): `_Syslinux_BOOTIF=01-52-54-00-12-34-56`. Its TFTP says nothing.
public struct PXELINUXSearch: Sendable, Equatable {
    public var card: MACAddress

    private static let cookie = "_Syslinux_BOOTIF=01-"

    /// Nil for another name, and for a request that does not tell its card.
    public init?(_ name: String, cookie: String?) {
        guard let cookie, name.drop(while: { $0 == "/" }) == BootFileName.pxelinuxName else { return nil }
        for part in cookie.split(separator: ";") {
            let part = part.drop { $0 == " " }
            guard part.hasPrefix(Self.cookie) else { continue }
            guard let card = MACAddress(String(part.dropFirst(Self.cookie.utf8.count))), card.isOfOneCard else {
                return nil
            }
            self.card = card
            return
        }
        return nil
    }
}
