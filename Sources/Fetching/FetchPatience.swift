/// How long a server is waited for.
public struct FetchPatience: Sendable, Equatable {
    /// Seconds until a connection must stand.
    public var connectSeconds: Int
    /// An attempt ends after so many seconds with fewer than `leastBytesPerSecond`.
    public var slowSeconds: Int
    public var leastBytesPerSecond: Int
    /// Attempts in a row that bring next to nothing.
    public var attempts: Int
    /// Seconds for a small file as a whole (`Fetcher.contents`).
    public var smallFileSeconds: Int

    public init(
        connectSeconds: Int = 20, slowSeconds: Int = 30, leastBytesPerSecond: Int = 16, attempts: Int = 5,
        smallFileSeconds: Int = 60
    ) {
        self.connectSeconds = connectSeconds
        self.slowSeconds = slowSeconds
        self.leastBytesPerSecond = leastBytesPerSecond
        self.attempts = attempts
        self.smallFileSeconds = smallFileSeconds
    }

    /// For what can be done without: a file that a mirror must give is worth more waiting.
    public static let brief = FetchPatience(
        connectSeconds: 5, slowSeconds: 10, leastBytesPerSecond: 1024, attempts: 2, smallFileSeconds: 15)
}
