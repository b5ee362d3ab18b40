/// Something wrong with one file of a medium, or something that it lacks.
public struct MediumFault: Error, Sendable, Hashable, CustomStringConvertible, Comparable {
    /// Relative to the medium.
    public var file: String
    /// Found and expected.
    public var message: String

    public init(_ file: String, _ message: String) {
        self.file = file
        self.message = message
    }

    public var description: String { "'\(file)': \(message)" }

    public static func < (a: MediumFault, b: MediumFault) -> Bool { (a.file, a.message) < (b.file, b.message) }
}
