/// An image that a site may boot: the n-th of its system.
public struct Generation: Codable, Sendable, Equatable {
    /// Of this format.
    public var version = 1
    /// The system's name.
    public var system: String
    /// Counts from 1; never used again, even when the generation is deleted.
    public var number: Int
    /// The logical store path of the image manifest's directory.
    public var image: String
    /// Seconds since 1970.
    public var created: Int

    public init(system: String, number: Int, image: String, created: Int) {
        self.system = system
        self.number = number
        self.image = image
        self.created = created
    }

    /// The name of the GC root that keeps it.
    public var rootName: String { "\(system)-\(number)" }
}
