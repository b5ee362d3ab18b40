import BootProtocols

/// The administrator's page: where it is, what it is made of, and who may do more than look.
public struct PageConfiguration: Sendable {
    /// A file of the page as it is sent.
    public struct File: Sendable {
        public var contentType: String
        public var bytes: [UInt8]

        public init(contentType: String, bytes: [UInt8]) {
            self.contentType = contentType
            self.bytes = bytes
        }
    }

    /// What an administrator may have done.
    public enum Action: Sendable, Equatable {
        /// A generation for all nodes, or for a share of them, in percent; nil is the newest generation.
        case publish(system: String, generation: Int?, share: Int?)
        /// The generation before, or a certain one.
        case rollBack(system: String, generation: Int?)
        /// Makes a machine a node of the site.
        case adopt(MACAddress, name: String?, system: String?)
    }

    public var address: IPv4Address
    /// 0 lets the kernel choose.
    public var port: Int
    /// By path: `/`, `/page.css`, `/page.js`, `/icon.svg`.
    public var files: [String: File]
    /// What whoever may act must show; nil where nobody may.
    public var token: String?
    /// Does an action, on a thread that may block, and says what holds now; what it throws is told to who asked.
    public var act: @Sendable (Action) throws -> String

    public init(
        address: IPv4Address, port: Int, files: [String: File], token: String? = nil,
        act: @escaping @Sendable (Action) throws -> String = { _ in "" }
    ) {
        self.address = address
        self.port = port
        self.files = files
        self.token = token
        self.act = act
    }
}

/// The body of a POST to `/api/publish`, `/api/rollback` or `/api/adopt`.
struct PageRequest: Decodable {
    var system: String?
    var generation: Int?
    var share: Int?
    var mac: MACAddress?
    var name: String?

    /// What it asks for at a path; nil where it does not say enough, or the path is none of these.
    func action(at path: String) -> PageConfiguration.Action? {
        switch (path, system, mac) {
        case ("/api/publish", let system?, _): .publish(system: system, generation: generation, share: share)
        case ("/api/rollback", let system?, _): .rollBack(system: system, generation: generation)
        case ("/api/adopt", _, let mac?): .adopt(mac, name: name, system: system)
        default: nil
        }
    }

    static let paths = ["/api/publish", "/api/rollback", "/api/adopt"]
}
