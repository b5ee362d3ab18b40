import BootProtocols

/// Machines that asked this server for something, nodes or not: what `bootferry node list` shows and `adopt` takes from.
public struct Sightings: Codable, Sendable, Equatable {
    public struct Sighting: Codable, Sendable, Equatable {
        public var mac: MACAddress
        /// As its firmware sent it, which may be in the other byte order.
        public var uuid: String?
        public var serial: String?
        /// Seconds since the Unix epoch.
        public var first: Int
        public var last: Int
        /// What it said it was, in words: `PXE (x64 UEFI)`.
        public var client: String
        /// Option 93's number.
        public var architecture: UInt16?
        public var interface: String
        /// The address it was lent last.
        public var address: IPv4Address?
    }

    public var version = 1
    private var machines: [MACAddress: Sighting] = [:]

    /// A forged discover costs its sender nothing: past so many, the one unheard for longest is forgotten.
    static let maximum = 16_384

    public init() {}

    /// By address.
    public var all: [Sighting] { machines.values.sorted { $0.mac < $1.mac } }

    public subscript(_ mac: MACAddress) -> Sighting? { machines[mac] }

    /// What is known of a machine, from this request and from earlier ones.
    public func machine(_ mac: MACAddress) -> Machine {
        Machine(
            mac: mac, uuid: machines[mac]?.uuid.flatMap(MachineUUID.init), serial: machines[mac]?.serial)
    }

    /// Takes in a request; true where that is news worth keeping.
    @discardableResult
    public mutating func note(_ request: BootRequest, on interface: String, now: Int) -> Bool {
        let uuid = request.machine.uuid.flatMap { $0.isMeaningful ? $0.description : nil }
        guard var known = machines[request.mac] else {
            makeRoom()
            machines[request.mac] = Sighting(
                mac: request.mac, uuid: uuid, first: now, last: now, client: request.name,
                architecture: request.architecture?.rawValue, interface: interface)
            return true
        }
        let before = known
        // The card sits in another machine now; iPXE may only have turned the bytes round.
        if let uuid, let old = known.uuid.flatMap(MachineUUID.init), old.description != uuid,
            old.swapped.description != uuid
        {
            known.serial = nil
        }
        known.uuid = uuid ?? known.uuid
        // What the booted system says later tells less than its firmware did.
        if request.client != .plain {
            known.client = request.name
            known.architecture = request.architecture?.rawValue ?? known.architecture
        }
        known.interface = interface
        // Once a minute is enough to know it by.
        if now - known.last >= 60 { known.last = now }
        guard known != before else { return false }
        machines[request.mac] = known
        return true
    }

    @discardableResult
    public mutating func note(serial: String, of mac: MACAddress) -> Bool {
        guard machines[mac] != nil, machines[mac]?.serial != serial else { return false }
        machines[mac]?.serial = serial
        return true
    }

    @discardableResult
    public mutating func note(address: IPv4Address, of mac: MACAddress) -> Bool {
        guard machines[mac] != nil, machines[mac]?.address != address else { return false }
        machines[mac]?.address = address
        return true
    }

    public mutating func forget(_ mac: MACAddress) { machines[mac] = nil }

    private mutating func makeRoom() {
        guard machines.count >= Self.maximum else { return }
        // Many at once, since each search reads all.
        for sighting in machines.values.sorted(by: { $0.last < $1.last }).prefix(Self.maximum / 16) {
            machines[sighting.mac] = nil
        }
    }

    private enum CodingKeys: String, CodingKey { case version, machines }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        version = try container.decode(Int.self, forKey: .version)
        for sighting in try container.decode([Sighting].self, forKey: .machines).prefix(Self.maximum) {
            machines[sighting.mac] = sighting
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(version, forKey: .version)
        try container.encode(all, forKey: .machines)
    }
}
