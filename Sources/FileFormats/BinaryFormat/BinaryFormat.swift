/// binfmt_misc's registrations (Linux, Documentation/admin-guide/binfmt-misc.rst): which program the kernel starts for the
/// ELF programs of another processor.
public struct BinaryFormat: Codable, Equatable, Sendable {
    /// Of the foreign programs: 32 or 64.
    public var bits: Int
    /// `big` or `little`.
    public var byteOrder: String
    /// ELF's `e_machine`.
    public var machine: Int

    public init(bits: Int, byteOrder: String, machine: Int) {
        self.bits = bits
        self.byteOrder = byteOrder
        self.machine = machine
    }

    /// Of the build platform's programs: x86-64, little-endian (System V ABI, AMD64 supplement, 4.1).
    public static let buildPlatform = BinaryFormat(bits: 64, byteOrder: "little", machine: 62)

    /// In what way a program is none of these, found beside expected; nil for one that is.
    public func fault(of program: ELF.File) -> String? {
        let found = BinaryFormat(
            bits: program.class.bits, byteOrder: program.byteOrder.word, machine: Int(program.machine))
        return found == self ? nil : "is for \(found.words), expected \(words)"
    }

    private var words: String { "machine \(machine) (\(bits) bits, \(byteOrder)-endian)" }

    /// What stands between the fields; neither a path nor the rest has it.
    static let delimiter = "\u{1f}"

    /// The line for the file `register`: fixed programs and position-independent ones, of any OS ABI.
    ///
    /// Flags: `F` opens the interpreter now, so that it is found from within any root; `P` keeps the name that a program
    /// was called by.
    /// - Parameter interpreter: Its path, absolute.
    public func registration(name: String, interpreter: String) -> String {
        let isBig = byteOrder == "big"
        func pair(_ value: Int) -> [UInt8] {
            let bytes = [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)]
            return isBig ? bytes.reversed() : bytes
        }
        let identity: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, bits == 32 ? 1 : 2, isBig ? 2 : 1, 1]
        let rest = [UInt8](repeating: 0, count: 9)
        // ET_EXEC is 2 and ET_DYN 3: the lowest bit may be either.
        let magic = identity + rest + pair(2) + pair(machine)
        let mask = [UInt8](repeating: 0xff, count: identity.count) + rest + pair(0xfffe) + pair(0xffff)
        return ["", name, "M", "0", Self.escaped(magic), Self.escaped(mask), interpreter, "PF"]
            .joined(separator: Self.delimiter)
    }

    private static func escaped(_ bytes: [UInt8]) -> String {
        bytes.map { "\\x" + String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
