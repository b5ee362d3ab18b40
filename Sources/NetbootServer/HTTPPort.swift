import BootPolicy
import OpenSSL

/// One of the server's ports for HTTP: what all connections to it share.
struct HTTPPort {
    /// Which of the site's networks, by its place.
    var network: Int
    var isIPv6: Bool
    /// HTTPS, where there is one.
    var tls: TLSServer?

    var transport: BootAttempt.Transport { tls == nil ? .http : .https }
    /// As which packets that were not heeded are counted.
    var ignored: IgnoredPackets.Transport { tls == nil ? .http : .https }
}
