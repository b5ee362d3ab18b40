import BootProtocols
import LinuxCalls

/// Who asks.
struct ClientAddress: Hashable, Sendable, CustomStringConvertible {
    var peer: DataSocket.Peer

    init(_ peer: DataSocket.Peer) { self.peer = peer }

    init(address: UInt32, port: UInt16) { self.init(.init(ipv4: address, port: port)) }

    var port: UInt16 { peer.port }

    /// What limits and timelines know the host by: its IPv4 address, and for an IPv6 host a number that no IPv4 host has
    /// (of 240.0.0.0/4, FNV-1a of its address).
    var address: UInt32 {
        if let address = peer.ipv4 { return address }
        var hash: UInt32 = 2_166_136_261
        for byte in peer.bytes { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        return 0xf000_0000 | hash & 0x0fff_ffff
    }

    var description: String {
        if let address = peer.ipv4 { return "\(IPv4Address(value: address)):\(port)" }
        return "[\(IPv6Address(bytes: peer.bytes).map(String.init(describing:)) ?? "")]:\(port)"
    }
}

extension DataSocket.Peer {
    /// Its address as IPv6, 16 bytes in network order.
    fileprivate var bytes: [UInt8] { withUnsafeBytes(of: address.bigEndian) { Array($0) } }
}
