import BootProtocols

/// A node as the nodes file holds it: what `bootferry node` can say of one.
public struct AdoptedNode: Sendable, Equatable {
    public var name: String
    public var macs: [MACAddress]
    public var uuid: String?
    public var serial: String?
    public var system: String?
    public var hostname: String?
    public var group: String?
    public var address: String?
    public var kernelParameters: [String]
    /// What a person may have written there besides.
    public var files: [NodeFile]

    public init(name: String, macs: [MACAddress]) {
        self.name = name
        self.macs = macs
        kernelParameters = []
        files = []
    }

    public init(_ node: Node) {
        name = node.name
        macs = node.identity.macs
        uuid = node.identity.uuid?.description
        serial = node.identity.serial
        system = node.settings.system
        hostname = node.settings.hostname
        group = node.group
        address = node.address?.description
        kernelParameters = node.settings.kernelParameters
        files = node.settings.files
    }

    /// The nodes file: YAML that is JSON, so that no text needs thought; sorted by name, one node a line or a few.
    public static func rendered(_ nodes: [AdoptedNode]) -> String {
        let sorted = nodes.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        let lines = sorted.map { "  \(JSONValue.quoted($0.name)): \($0.record.line)\n" }
        return """
            # Nodes that `bootferry node` keeps; it writes this file anew as a whole, without comments.
            version: 1
            nodes:\(lines.isEmpty ? " {}" : "")

            """ + lines.joined()
    }

    private var record: JSONValue {
        var fields: [(String, JSONValue)] = []
        func add(_ field: Field, _ text: String?) {
            if let text { fields.append((field.key, .text(text))) }
        }
        if !macs.isEmpty { fields.append((SiteFields.macs.key, .list(macs.map { .text($0.description) }))) }
        add(SiteFields.uuid, uuid)
        add(SiteFields.serial, serial)
        add(SiteFields.nodeSystem, system)
        add(SiteFields.hostname, hostname)
        add(SiteFields.group, group)
        add(SiteFields.nodeAddress, address)
        if !kernelParameters.isEmpty {
            fields.append((SiteFields.kernelParameters.key, .list(kernelParameters.map(JSONValue.text))))
        }
        if !files.isEmpty {
            fields.append((SiteFields.files.key, .record(files.map { ($0.file.path, Self.record($0)) })))
        }
        return .record(fields)
    }

    private static func record(_ file: NodeFile) -> JSONValue {
        var fields: [(String, JSONValue)]
        switch file.file.source {
        case .text(let text): fields = [(SystemFields.text.key, .text(text))]
        case .file(let path): fields = [(SystemFields.source.key, .text(path))]
        case .link(let target): fields = [(SystemFields.link.key, .text(target))]
        }
        if case .link = file.file.source {
        } else {
            let digits = String(file.file.mode, radix: 8)
            fields.append(
                (SystemFields.mode.key, .text(String(repeating: "0", count: max(0, 4 - digits.count)) + digits)))
        }
        fields.append((SystemFields.owner.key, .text(file.file.owner)))
        fields.append((SystemFields.group.key, .text(file.file.group)))
        if file.isSecret { fields.append((SiteFields.secret.key, .text("yes"))) }
        return .record(fields)
    }
}
