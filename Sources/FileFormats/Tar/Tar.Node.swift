import ByteCoding

extension Tar {
    /// Any file of a Linux system, as an archive of its root has it: in ustar's header, and in pax's extended one (IEEE 1003.1,
    /// pax, "pax Interchange Format") what does not fit there. Written, never read.
    public struct Node: Equatable, Sendable {
        public enum Kind: Equatable, Sendable {
            /// Of so many bytes, which follow the header.
            case file(size: Int)
            case directory
            case symbolicLink(target: [UInt8])
            /// Another name of a file that stands before it.
            case hardLink(to: String)
            case characterDevice(major: UInt32, minor: UInt32)
            case blockDevice(major: UInt32, minor: UInt32)
            case fifo
        }

        /// Without a leading slash, and without one that ends a directory's.
        public var path: String
        public var kind: Kind
        /// The lower 12 bits of `st_mode`.
        public var permissions: UInt32
        public var owner: UInt32
        public var group: UInt32
        /// Seconds since 1970.
        public var modified: UInt32
        /// Extended attributes by name, such as `security.capability`.
        public var attributes: [String: [UInt8]] = [:]

        public init(
            path: String, kind: Kind, permissions: UInt32, owner: UInt32 = 0, group: UInt32 = 0, modified: UInt32 = 0
        ) {
            self.path = path
            self.kind = kind
            self.permissions = permissions
            self.owner = owner
            self.group = group
            self.modified = modified
        }

        /// Bytes that follow the header, without padding.
        public var contentSize: Int { if case .file(let size) = kind { size } else { 0 } }
    }

    /// The zeros that follow contents of `size` bytes.
    public static func padding(after size: Int) -> Int { (blockSize - size % blockSize) % blockSize }

    /// All that stands before a node's contents.
    public static func header(of node: Node) throws(Malformed) -> [UInt8] {
        let name = Array(node.path.utf8) + (node.kind == .directory ? [UInt8(ascii: "/")] : [])
        guard !node.path.isEmpty, !name.contains(0) else { throw Malformed(description: "a file without a name") }
        var target: [UInt8] = []
        var device: (major: UInt32, minor: UInt32) = (0, 0)
        let flag: Unicode.Scalar
        switch node.kind {
        case .file: flag = "0"
        case .hardLink(let other):
            flag = "1"
            target = Array(other.utf8)
        case .symbolicLink(let place):
            flag = "2"
            target = place
        case .characterDevice(let major, let minor):
            flag = "3"
            device = (major, minor)
        case .blockDevice(let major, let minor):
            flag = "4"
            device = (major, minor)
        case .directory: flag = "5"
        case .fifo: flag = "6"
        }
        guard max(node.owner, node.group) < 1 << 21, max(device.major, device.minor) < 1 << 21,
            (0...largestFile).contains(node.contentSize)
        else {
            throw Malformed(description: "'\(node.path)' has a number that a tar archive has no place for")
        }
        var records: [UInt8] = []
        if name.count > longestName { records += record("path", name) }
        if target.count > longestName { records += record("linkpath", target) }
        for (attribute, value) in node.attributes.sorted(by: { $0.key < $1.key }) {
            records += record("SCHILY.xattr.\(attribute)", value)
        }
        var bytes: [UInt8] = []
        if !records.isEmpty {
            bytes = block(
                name: Array("pax".utf8), mode: 0o644, ids: (0, 0), size: records.count, modified: 0, flag: "x",
                target: [],
                device: (0, 0))
            bytes += records + [UInt8](repeating: 0, count: padding(after: records.count))
        }
        return bytes
            + block(
                name: name, mode: node.permissions & 0o7777, ids: (node.owner, node.group), size: node.contentSize,
                modified: node.modified, flag: flag, target: target, device: device)
    }

    /// `LENGTH KEY=VALUE` and a line feed; the length is of all of it.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0a]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count != length { length += 1 }
        return Array(String(length).utf8) + rest
    }

    private static func block(
        name: [UInt8], mode: UInt32, ids: (UInt32, UInt32), size: Int, modified: UInt32, flag: Unicode.Scalar,
        target: [UInt8], device: (major: UInt32, minor: UInt32)
    ) -> [UInt8] {
        var writer = ByteWriter(reservingCapacity: blockSize)
        func octal(_ value: Int, _ digits: Int) -> [UInt8] {
            let text = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: 0x30, count: digits - text.count) + text + [0]
        }
        func field(_ bytes: [UInt8], _ count: Int) {
            writer.append(bytes.prefix(count))
            writer.append(repeating: 0, count: count - min(bytes.count, count))
        }
        field(name, longestName)
        writer.append(octal(Int(mode), 7) + octal(Int(ids.0), 7) + octal(Int(ids.1), 7))
        writer.append(octal(size, 11) + octal(Int(modified), 11))
        writer.append(utf8: "        ")
        writer.append(byte: UInt8(ascii: flag))
        field(target, longestName)
        writer.append(utf8: "ustar\u{0}00")
        writer.append(repeating: 0, count: 64)
        writer.append(octal(Int(device.major), 7) + octal(Int(device.minor), 7))
        writer.append(repeating: 0, count: blockSize - writer.count)
        var bytes = writer.bytes
        let sum = bytes.reduce(0) { $0 + Int($1) }
        bytes.replaceSubrange(148..<156, with: octal(sum, 6) + [0x20])
        return bytes
    }
}
