/// The Executable and Linkable Format (System V ABI, generic part, chapters 4 and 5): headers, of both classes and byte orders.
///
/// Layout: 16 bytes of identification (magic, class, data, version, OS ABI); the file header; somewhere the program
/// headers (what a loader reads) and the section headers (what a linker reads). Contents are not read.
public enum ELF {
    /// Bytes that are no ELF file, or one that is damaged.
    public struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        public var description: String
    }

    /// Word size.
    public enum Class: UInt8, Sendable {
        case bits32 = 1
        case bits64 = 2

        /// As people say it.
        public var bits: Int { self == .bits32 ? 32 : 64 }
    }

    /// Of every number in the file.
    public enum ByteOrder: UInt8, Sendable {
        case little = 1
        case big = 2

        public var word: String { self == .big ? "big" : "little" }
    }

    /// What the file is for (`e_type`).
    public enum Kind: Equatable, Sendable {
        case relocatable, executable, shared
        /// `ET_CORE` and what only operating systems and processors know.
        case other(UInt16)

        init(_ number: UInt16) {
            self =
                switch number {
                case 1: .relocatable
                case 2: .executable
                case 3: .shared
                default: .other(number)
                }
        }
    }

    /// A program header: what is loaded, or where to find something at run time.
    public struct Segment: Equatable, Sendable {
        /// `PT_LOAD` is 1, `PT_DYNAMIC` 2, `PT_INTERP` 3.
        public var type: UInt32
        public var offset: Int
        public var virtualAddress: UInt64
        public var physicalAddress: UInt64
        public var fileSize: Int
        public var memorySize: UInt64

        public static let load: UInt32 = 1
        public static let dynamic: UInt32 = 2
        public static let interpreter: UInt32 = 3
    }

    /// A section header.
    public struct Section: Equatable, Sendable {
        public var name: String
        /// `SHT_NOBITS` is 8: nothing of it is in the file.
        public var type: UInt32
        public var offset: Int
        public var size: Int
    }

    /// What the headers of one file say.
    public struct File: Equatable, Sendable {
        public var `class`: Class
        public var byteOrder: ByteOrder
        public var kind: Kind
        /// `e_machine`, such as 21 for 64-bit PowerPC.
        public var machine: UInt16
        /// `e_flags`: what the processor's own supplement puts there, such as PowerPC's ABI version.
        public var flags: UInt32
        /// Where it begins.
        public var entry: UInt64
        public var segments: [Segment]
        public var sections: [Section]
        /// The dynamic loader that an executable asks for.
        public var interpreter: String?

        /// Bytes from the file's beginning that a loader may ask for; sections for linkers and debuggers lie beyond.
        public var loadedSize: Int {
            segments.filter { $0.type == Segment.load }.reduce(0) { max($0, $1.offset &+ $1.fileSize) }
        }
    }

    /// What the dynamic loader is told of a file (`DT_SONAME`, `DT_NEEDED`).
    public struct Linkage: Equatable, Sendable {
        /// What others ask for it by; a program has none.
        public var name: String?
        /// The libraries that it asks for.
        public var needed: [String] = []
    }

    /// The first bytes of every ELF file.
    public static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
}
