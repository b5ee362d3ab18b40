extension ELF {
    /// What every ELF file of a platform must be: programs that differ in one of these do not run there, or, which is worse,
    /// run and call each other wrongly.
    public struct ABI: Codable, Equatable, Sendable {
        /// 32 or 64.
        public var bits: Int
        /// `big` or `little`.
        public var byteOrder: String
        /// `e_machine`.
        public var machine: Int
        /// `e_flags` under `flagsMask`.
        public var flags: Int
        /// The bits of `e_flags` that name the ABI; 0 where the processor has none.
        public var flagsMask: Int
        /// The file name of the dynamic loader; nil where programs are static.
        public var interpreter: String?
        /// Sections that only another ABI has, such as ELFv1's `.opd`: what says nothing by its flags gives itself away by them.
        public var foreignSections: [String]

        public init(
            bits: Int, byteOrder: String, machine: Int, flags: Int = 0, flagsMask: Int = 0, interpreter: String? = nil,
            foreignSections: [String] = []
        ) {
            self.bits = bits
            self.byteOrder = byteOrder
            self.machine = machine
            self.flags = flags
            self.flagsMask = flagsMask
            self.interpreter = interpreter
            self.foreignSections = foreignSections
        }

        /// What in a file does not fit, found beside expected; empty where all does.
        public func faults(of file: File) -> [String] {
            var faults: [String] = []
            if file.class.bits != bits { faults.append("is of \(file.class.bits) bits, expected \(bits)") }
            if file.byteOrder.word != byteOrder {
                faults.append("is \(file.byteOrder.word)-endian, expected \(byteOrder)-endian")
            }
            guard Int(file.machine) == machine else {
                // Flags mean nothing on another machine.
                return faults + ["is for machine \(file.machine), expected \(machine)"]
            }
            let found = Int(file.flags) & flagsMask
            // An object file from assembler may say nothing of its ABI; what is linked must.
            if found != flags, !(found == 0 && file.kind == .relocatable) {
                faults.append("has ABI flags \(found), expected \(flags)")
            }
            for section in file.sections where foreignSections.contains(section.name) {
                faults.append("has a section '\(section.name)', which another ABI has")
            }
            if let path = file.interpreter, path.split(separator: "/").last.map(String.init) != interpreter {
                faults.append("asks for the loader '\(path)', expected \(interpreter.map { "'\($0)'" } ?? "none")")
            }
            return faults
        }
    }
}
