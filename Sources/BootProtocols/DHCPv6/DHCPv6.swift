/// The Dynamic Host Configuration Protocol for IPv6, as far as booting needs it.
///
/// Layout (RFC 8415 section 8): `msg-type`, 24 bits of `transaction-id`, then options `code length value`, both numbers of
/// 16 bits (section 21.1). Boot options: RFC 5970.
public enum DHCPv6 {
    public static let serverPort = 547
    public static let clientPort = 546

    /// RFC 8415 section 7.3. Relays' messages have another layout and are not read.
    public enum MessageType: UInt8, Sendable {
        case solicit = 1
        case advertise, request, confirm, renew, rebind, reply, release, decline, reconfigure, informationRequest
    }

    /// An option's number, by the name its RFC gives it.
    public struct OptionCode: RawRepresentable, Hashable, Sendable {
        public var rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let clientIdentifier = OptionCode(rawValue: 1)
        public static let serverIdentifier = OptionCode(rawValue: 2)
        /// An identity association for addresses: IAID, T1, T2 (32 bits each), then options.
        public static let addresses = OptionCode(rawValue: 3)
        /// Inside one: the address, preferred and valid seconds.
        public static let address = OptionCode(rawValue: 5)
        public static let requested = OptionCode(rawValue: 6)
        public static let status = OptionCode(rawValue: 13)
        public static let rapidCommit = OptionCode(rawValue: 14)
        /// Length (16 bits) and text, as often as there are classes.
        public static let userClass = OptionCode(rawValue: 15)
        /// An enterprise number (32 bits), then as above.
        public static let vendorClass = OptionCode(rawValue: 16)
        /// RFC 5970 section 3.1: the boot file, a URL.
        public static let bootFileURL = OptionCode(rawValue: 59)
        /// Section 3.2: its parameters.
        public static let bootFileParameters = OptionCode(rawValue: 60)
        /// Section 3.3: option 93's numbers.
        public static let architectures = OptionCode(rawValue: 61)
        /// Section 3.4: the network interface identifier of PXE.
        public static let networkInterface = OptionCode(rawValue: 62)
        /// RFC 6939: the client's hardware type and address, as a relay saw it.
        public static let linkLayerAddress = OptionCode(rawValue: 79)
    }

    public struct Option: Equatable, Sendable {
        public var code: OptionCode
        public var value: [UInt8]

        public init(_ code: OptionCode, _ value: [UInt8]) {
            self.code = code
            self.value = value
        }
    }

    /// A message between a client and a server.
    public struct Message: Equatable, Sendable {
        public var type: MessageType
        /// 24 bits.
        public var transaction: UInt32
        /// In their order; some codes may stand more than once.
        public var options: [Option]

        public init(type: MessageType, transaction: UInt32, options: [Option] = []) {
            self.type = type
            self.transaction = transaction & 0xff_ffff
            self.options = options
        }

        /// The first option's value, or nil where it is absent.
        public subscript(code: OptionCode) -> [UInt8]? { options.first { $0.code == code }?.value }
    }

    /// What a client asks addresses for.
    public struct IdentityAssociation: Equatable, Sendable {
        public var identifier: UInt32
        public var addresses: [IPv6Address]

        public init(identifier: UInt32, addresses: [IPv6Address]) {
            self.identifier = identifier
            self.addresses = addresses
        }
    }

    /// An association's answer: an address, or why there is none.
    public enum Grant: Sendable, Equatable {
        case address(IPv6Address, seconds: UInt32)
        case status(Status)
    }

    /// RFC 8415 section 21.13.
    public enum Status: UInt16, Sendable {
        case success = 0
        case unspecified, noAddressesLeft, noBinding, notOnLink
    }

    /// A client sends less; nothing longer is read.
    static let maximumSize = 4096
    static let mostOptions = 64
}
