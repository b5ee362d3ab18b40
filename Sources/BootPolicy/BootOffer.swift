import BootProtocols

/// What a client is told, and why.
public struct BootOffer: Sendable, Equatable {
    public enum Answer: Sendable, Equatable {
        /// A file of ours by TFTP, by name, or by HTTP, by whole URL.
        case boot(String)
        /// An address and nothing to boot.
        case addressOnly
        /// No answer at all.
        case ignored(reason: String)
    }

    public var answer: Answer
    /// Option 60 of the reply; nil to leave it out.
    public var vendorClass: String?
    /// Further options of the reply.
    public var options: [DHCP.Option]
    /// One sentence a step, in the order they were taken.
    public var why: [String]

    public init(_ answer: Answer, vendorClass: String? = nil, options: [DHCP.Option] = [], why: [String]) {
        self.answer = answer
        self.vendorClass = vendorClass
        self.options = options
        self.why = why
    }
}
