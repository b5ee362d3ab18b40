import StoreModel
import SystemModel

/// What a generation of a system is made of, as its build graph says: every package that runs, and every one that took part.
public struct Bill: Sendable, Equatable {
    /// The system's name and the generation's number.
    public var system: String
    public var generation: Int
    /// The logical store path of the image.
    public var image: String
    /// SHA-256 of its archive (NAR), in hexadecimal.
    public var imageDigest: String
    /// Seconds since 1970.
    public var created: Int
    /// Of this program.
    public var toolVersion: String
    /// What runs before what only built, each by name; every identifier once.
    public var components: [Component]

    public init(
        system: String, generation: Int, image: String, imageDigest: String, created: Int, toolVersion: String,
        components: [Component]
    ) {
        self.system = system
        self.generation = generation
        self.image = image
        self.imageDigest = imageDigest
        self.created = created
        self.toolVersion = toolVersion
        var seen: Set<String> = []
        self.components = components.filter { seen.insert($0.identifier).inserted }.sorted {
            ($1.use.rawValue, $0.name, $0.version, $0.identifier)
                < ($0.use.rawValue, $1.name, $1.version, $1.identifier)
        }
    }

    /// Which components a document has.
    public enum Closure: String, CaseIterable, Sendable {
        /// What is in the image.
        case runtime
        /// That, and all that took part in making it.
        case build
    }

    /// The forms that a bill of materials can be written in.
    public enum Format: String, CaseIterable, Sendable {
        case spdx23 = "spdx-2.3"
        case spdx30 = "spdx-3.0"
        case cycloneDX16 = "cyclonedx-1.6"
    }

    /// The bill of one closure: components, and what they say of each other.
    public func limited(to closure: Closure) -> Bill {
        guard closure == .runtime else { return self }
        var bill = self
        bill.components = runtime.map { component in
            var component = component
            component.madeFrom = []
            return component
        }
        return bill
    }

    /// As a document: the same bill always has the same text.
    public func text(_ format: Format) -> String {
        let value =
            switch format {
            case .spdx23: spdx23
            case .spdx30: spdx30
            case .cycloneDX16: cycloneDX16
            }
        return value.indented() + "\n"
    }

    /// What is in the image.
    public var runtime: [Component] { components.filter { $0.use == .runtime } }

    /// Bytes on a node.
    public var unpackedBytes: Int { components.reduce(0) { $0 + $1.unpackedBytes } }

    /// Every text of a `LicenseRef-`, once, by name.
    public var licenceTexts: [(reference: String, text: String)] {
        var texts: [String: String] = [:]
        for component in components { texts.merge(component.licence.texts) { first, _ in first } }
        return texts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// A UUID of version 8 (RFC 9562) that follows from all that a document would say.
    var uuid: String {
        let content =
            [system, "\(generation)", image, imageDigest, "\(created)", toolVersion]
            + components.map { "\($0.identifier) \($0.use.rawValue) \($0.licence.expression ?? "")" }
        var digits = Array(Digest.sha256(of: content.joined(separator: "\n")).hex.prefix(32))
        digits[12] = "8"
        digits[16] = "8"
        return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
    }

    /// Where a document of it would be, were it anywhere.
    var namespace: String { "https://spdx.org/spdxdocs/bootferry-\(inIdentifiers(system))-\(generation)-\(uuid)" }
}

extension [(String, JSONValue)] {
    /// The record with a field more, if there is a value for it.
    func adding(_ key: String, _ value: String?) -> Self {
        guard let value, !value.isEmpty else { return self }
        return self + [(key, .text(value))]
    }
}

/// Seconds since 1970 as RFC 3339 has them, in UTC.
public func timestamp(_ seconds: Int) -> String {
    func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
    let days = seconds / 86_400
    // Howard Hinnant's "civil from days": years begin in March, eras have 146,097 days.
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthFromMarch = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let rest = seconds % 86_400
    return "\(year)-\(two(month))-\(two(day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
}
