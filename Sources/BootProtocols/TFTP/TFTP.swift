/// The Trivial File Transfer Protocol, read side (RFC 1350) with options (2347), blksize (2348), timeout and tsize
/// (2349) and windowsize (7440).
///
/// Layout: a 16-bit opcode, big-endian, then: 1 and 2, file NUL mode NUL (option NUL value NUL)…; 3, block and data;
/// 4, block; 5, code, message NUL; 6, (option NUL value NUL)….
public enum TFTP {
    public static let port = 69
    public static let defaultBlockSize = 512

    /// An option as written; names compare without case.
    public struct Option: Equatable, Sendable {
        public var name: String
        public var value: String

        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// RFC 1350's appendix and RFC 2347's 8.
    public struct ErrorCode: RawRepresentable, Hashable, Sendable {
        public var rawValue: UInt16
        public init(rawValue: UInt16) { self.rawValue = rawValue }

        public static let notDefined = ErrorCode(rawValue: 0)
        public static let fileNotFound = ErrorCode(rawValue: 1)
        public static let accessViolation = ErrorCode(rawValue: 2)
        public static let illegalOperation = ErrorCode(rawValue: 4)
        public static let unknownTransfer = ErrorCode(rawValue: 5)
        public static let refusedOptions = ErrorCode(rawValue: 8)
    }

    /// A read request, as the server's port hears it.
    public struct ReadRequest: Equatable, Sendable {
        public var file: String
        public var mode: String
        public var options: [Option]

        public init(file: String, mode: String = "octet", options: [Option] = []) {
            self.file = file
            self.mode = mode
            self.options = options
        }

        /// The value of an option, its name compared without case.
        public subscript(name: String) -> String? {
            options.first { $0.name.lowercased() == name }?.value
        }
    }

    public enum Packet: Equatable, Sendable {
        case readRequest(ReadRequest)
        case writeRequest(file: String)
        case data(block: UInt16, payload: [UInt8])
        case acknowledgement(block: UInt16)
        case error(code: ErrorCode, message: String)
        case optionAcknowledgement([Option])
    }

    static let maximumOptions = 32
    /// RFC 2347's limit for a whole request; names longer than any of ours are a stranger's.
    static let maximumRequest = 1024
}

extension TFTP {
    /// A name as clients write it in their various ways: backslashes are slashes, several slashes one, and a leading one
    /// is dropped. `..` and anything else stay, for no name of ours has them.
    public static func plainName(_ name: String) -> String {
        name.replacing("\\", with: "/").split(separator: "/").joined(separator: "/")
    }
}
