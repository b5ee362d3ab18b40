/// The Dynamic Host Configuration Protocol, version 4, as far as booting needs it.
///
/// Layout (RFC 2131 section 2): `op htype hlen hops`, `xid`, `secs flags`, `ciaddr yiaddr siaddr giaddr`,
/// 16 bytes of `chaddr`, 64 of `sname`, 128 of `file`, the cookie `63 82 53 63`, then options
/// `code length value` (RFC 2132), with 0 as padding and 255 as the end.
public enum DHCP {
    public static let serverPort = 67
    public static let clientPort = 68
    /// Where a proxy answers a client that already has its address (PXE 2.1, section 2.2).
    public static let proxyPort = 4011

    /// Option 53 (RFC 2132 section 9.6).
    public enum MessageType: UInt8, Sendable {
        case discover = 1
        case offer, request, decline, acknowledge, refuse, release, inform
    }

    /// An option's number, by the name its RFC gives it.
    public struct OptionCode: RawRepresentable, Hashable, Sendable {
        public var rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        public static let subnetMask = OptionCode(rawValue: 1)
        public static let router = OptionCode(rawValue: 3)
        public static let nameServers = OptionCode(rawValue: 6)
        public static let hostName = OptionCode(rawValue: 12)
        public static let domainName = OptionCode(rawValue: 15)
        public static let broadcastAddress = OptionCode(rawValue: 28)
        public static let vendorSpecific = OptionCode(rawValue: 43)
        public static let requestedAddress = OptionCode(rawValue: 50)
        public static let leaseSeconds = OptionCode(rawValue: 51)
        public static let overload = OptionCode(rawValue: 52)
        public static let messageType = OptionCode(rawValue: 53)
        public static let serverIdentifier = OptionCode(rawValue: 54)
        public static let parameterRequests = OptionCode(rawValue: 55)
        public static let message = OptionCode(rawValue: 56)
        public static let renewalSeconds = OptionCode(rawValue: 58)
        public static let rebindingSeconds = OptionCode(rawValue: 59)
        public static let vendorClass = OptionCode(rawValue: 60)
        public static let clientIdentifier = OptionCode(rawValue: 61)
        public static let tftpServerName = OptionCode(rawValue: 66)
        public static let bootFileName = OptionCode(rawValue: 67)
        public static let userClass = OptionCode(rawValue: 77)
        public static let relayAgent = OptionCode(rawValue: 82)
        /// Client system architecture (RFC 4578 section 2.1): a list of 16-bit numbers.
        public static let architectures = OptionCode(rawValue: 93)
        /// Client machine identifier (RFC 4578 section 2.3): a type, 0, and 16 bytes.
        public static let machineIdentifier = OptionCode(rawValue: 97)
        /// PXELINUX's configuration file and path prefix (RFC 5071 sections 5 and 6).
        public static let configurationFile = OptionCode(rawValue: 209)
        public static let pathPrefix = OptionCode(rawValue: 210)
        /// iPXE's own encapsulated options.
        public static let ipxe = OptionCode(rawValue: 175)
    }

    /// An option as it stands in a message; fragments of a long one (RFC 3396) are already joined.
    public struct Option: Equatable, Sendable {
        public var code: OptionCode
        public var value: [UInt8]

        public init(_ code: OptionCode, _ value: [UInt8]) {
            self.code = code
            self.value = value
        }
        public init(_ code: OptionCode, _ text: String) { self.init(code, Array(text.utf8)) }
        public init(_ code: OptionCode, _ address: IPv4Address) { self.init(code, address.bytes) }
        public init(_ code: OptionCode, seconds: UInt32) { self.init(code, IPv4Address(value: seconds).bytes) }
    }

    /// A message in either direction.
    public struct Message: Equatable, Sendable {
        /// True for BOOTREPLY.
        public var isReply: Bool
        public var hardwareType: UInt8
        /// `chaddr`, cut to `hlen`, at most 16 bytes.
        public var hardwareAddress: [UInt8]
        public var hops: UInt8
        public var transaction: UInt32
        public var seconds: UInt16
        /// The client cannot take unicast before it has its address.
        public var wantsBroadcast: Bool
        /// `ciaddr`: what the client has.
        public var clientAddress: IPv4Address
        /// `yiaddr`: what the client gets.
        public var yourAddress: IPv4Address
        /// `siaddr`: where the boot file is.
        public var nextServer: IPv4Address
        /// `giaddr`: the relay the message came through.
        public var relayAddress: IPv4Address
        /// `sname`; 64 bytes at most, empty where the field carries options.
        public var serverName: [UInt8]
        /// `file`; 128 bytes at most, empty where the field carries options.
        public var file: [UInt8]
        /// In order of first appearance, each code once.
        public var options: [Option]

        public init(
            isReply: Bool, hardwareType: UInt8 = 1, hardwareAddress: [UInt8], hops: UInt8 = 0, transaction: UInt32,
            seconds: UInt16 = 0, wantsBroadcast: Bool = false, clientAddress: IPv4Address = .unspecified,
            yourAddress: IPv4Address = .unspecified, nextServer: IPv4Address = .unspecified,
            relayAddress: IPv4Address = .unspecified, serverName: [UInt8] = [], file: [UInt8] = [],
            options: [Option] = []
        ) {
            self.isReply = isReply
            self.hardwareType = hardwareType
            self.hardwareAddress = hardwareAddress
            self.hops = hops
            self.transaction = transaction
            self.seconds = seconds
            self.wantsBroadcast = wantsBroadcast
            self.clientAddress = clientAddress
            self.yourAddress = yourAddress
            self.nextServer = nextServer
            self.relayAddress = relayAddress
            self.serverName = serverName
            self.file = file
            self.options = options
        }

        /// The option's value, or nil where it is absent.
        public subscript(code: OptionCode) -> [UInt8]? { options.first { $0.code == code }?.value }
    }

    static let cookie: UInt32 = 0x6382_5363
    /// `op` to the end of `file`.
    static let fixedSize = 236
    /// BOOTP's least size (RFC 1542 section 2.1): some firmware and relays drop shorter ones.
    static let minimumSize = 300
    /// Nothing larger arrives in one datagram.
    static let maximumSize = 65_507
}
