import BootProtocols

/// What a storm does: so many virtual nodes, each booting as a firmware does, over a network that loses packets.
public struct StormSettings: Sendable {
    /// Which firmware the nodes have, and so what they ask for.
    public enum Firmware: String, Sendable, CaseIterable {
        /// A PXE ROM that gets iPXE by TFTP, which gets a script, a kernel and an initramfs by HTTP.
        case bios
        /// UEFI PXE: asks for the size, then for the system as one file, by TFTP.
        case uefi
        /// UEFI HTTP Boot: HEAD, then GET, of the system as one file.
        case uefiHTTP = "uefi-http"
    }

    /// The one interface that packets leave by; nothing is sent anywhere else.
    public var interface: String
    public var nodes: Int
    public var firmware: Firmware
    /// Nodes that are switched on each second; 0 switches all on at once.
    public var rate: Int
    /// Of the packets of DHCP and TFTP, in either direction, the share that is lost, comes twice, or comes late.
    public var loss: Double
    public var duplication: Double
    public var reordering: Double
    /// The share of HTTP transfers that the node breaks off midway and begins anew.
    public var resets: Double
    public var blockSize: Int
    public var windowSize: Int
    /// How often a node that failed is switched on again.
    public var restarts: Int
    /// The random choices follow from it.
    public var seed: UInt64
    /// After so long the nodes that are left have failed.
    public var patience: Duration
    /// SHA-256, in hexadecimal, that a file must have, by the last part of its name.
    public var expected: [String: String]

    public init(
        interface: String, nodes: Int, firmware: Firmware = .bios, rate: Int = 0, loss: Double = 0,
        duplication: Double = 0, reordering: Double = 0, resets: Double = 0, blockSize: Int = 1468,
        windowSize: Int = 1, restarts: Int = 3, seed: UInt64 = 1, patience: Duration = .seconds(600),
        expected: [String: String] = [:]
    ) {
        self.interface = interface
        self.nodes = nodes
        self.firmware = firmware
        self.rate = rate
        self.loss = loss
        self.duplication = duplication
        self.reordering = reordering
        self.resets = resets
        self.blockSize = blockSize
        self.windowSize = windowSize
        self.restarts = restarts
        self.seed = seed
        self.patience = patience
        self.expected = expected
    }
}

/// Random numbers that follow from a seed: SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func happens(_ share: Double) -> Bool { share > 0 && Double.random(in: 0..<1, using: &self) < share }
}
