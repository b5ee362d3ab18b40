import StoreModel

/// What happens while a plan is realised, for whoever shows progress.
public enum BuildEvent: Sendable {
    /// How many derivations have to be built, of which so many are fetches of so many bytes.
    case planned(builds: Int, fetches: Int, bytes: Int)
    case started(name: String, builder: String)
    case finished(name: String, builder: String, output: StorePath, duration: Duration)
}
