/// Something wrong with one file of a medium, or something that it lacks.
public struct MediumFault: Error, Sendable, Hashable, CustomStringConvertible, Comparable {
    /// Which of several volumes it is on.
    public var volume: Int?
    /// Relative to the medium.
    public var file: String
    /// Found and expected.
    public var message: String

    public init(_ file: String, _ message: String) {
        self.file = file
        self.message = message
    }

    public var description: String { (volume.map { "volume \($0), " } ?? "") + "'\(file)': \(message)" }

    public static func < (a: MediumFault, b: MediumFault) -> Bool {
        (a.volume ?? 0, a.file, a.message) < (b.volume ?? 0, b.file, b.message)
    }

    /// The same, on a medium that may be a volume.
    func on(_ medium: Medium) -> MediumFault {
        var fault = self
        fault.volume = fault.volume ?? medium.manifest?.volume?.number
        return fault
    }
}
