import CLinuxCalls
import Glibc

/// Addresses that an interface answers to for as long as this value lives, without being given to it: local routes.
public struct LocalRoutes: ~Copyable {
    private let descriptor: Int32
    private let interface: NetworkInterface
    private var addresses: Set<UInt32> = []

    public init(on interface: NetworkInterface) throws(NetworkCallError) {
        self.interface = interface
        descriptor = try Self.openTable()
    }

    private static func openTable() throws(NetworkCallError) -> Int32 {
        let descriptor = try NetworkCallError.check(bf_route_socket(), "routes", "cannot be changed")
        let result = bf_local_table(descriptor, 1)
        if result < 0 { close(descriptor) }
        try NetworkCallError.check(result, "a table of routes", "cannot be added")
        return descriptor
    }

    /// Adds an address in host byte order; one that is there already stays.
    public mutating func add(_ address: UInt32) throws(NetworkCallError) {
        guard addresses.insert(address).inserted else { return }
        try NetworkCallError.check(
            bf_local_route(descriptor, 1, interface.index, address), "an address on \"\(interface.name)\"",
            "cannot be added")
    }

    deinit {
        _ = bf_local_table(descriptor, 0)
        for address in addresses { _ = bf_local_route(descriptor, 0, interface.index, address) }
        close(descriptor)
    }
}
