/// What the output of a resolved derivation was found to be.
public struct Realisation: Hashable, Sendable {
    /// The `.drv` path.
    public let derivation: StorePath
    /// The object that it made.
    public let output: StorePath

    public init(derivation: StorePath, output: StorePath) {
        self.derivation = derivation
        self.output = output
    }
}

/// What the store knows of one valid object.
public struct PathRegistration: Hashable, Sendable {
    /// The object's own path.
    public var path: StorePath
    /// SHA-256 of the NAR serialisation.
    public var narHash: Digest
    /// Bytes of the NAR serialisation.
    public var narSize: Int
    /// May contain `path` itself.
    public var references: Set<StorePath>
    /// The `.drv` that made it, where known.
    public var deriver: StorePath?
    /// What its path was computed from; nil for an imported object that is trusted by signature.
    public var contentAddress: ContentAddress?
    /// Seconds since 1970.
    public var registrationTime: Int
    /// Of its fingerprint.
    public var signatures: [Signature]

    public init(
        path: StorePath, narHash: Digest, narSize: Int, references: Set<StorePath> = [], deriver: StorePath? = nil,
        contentAddress: ContentAddress? = nil, registrationTime: Int = 0, signatures: [Signature] = []
    ) {
        self.path = path
        self.narHash = narHash
        self.narSize = narSize
        self.references = references
        self.deriver = deriver
        self.contentAddress = contentAddress
        self.registrationTime = registrationTime
        self.signatures = signatures
    }

    /// The text that is signed: `1;PATH;NARHASH;NARSIZE;REFERENCES`, references sorted and joined by commas.
    public var fingerprint: String {
        let list = references.sorted().map(\.description).joined(separator: ",")
        return "1;\(path);\(narHash.prefixedNix32);\(narSize);\(list)"
    }

    /// Throws unless the stated content address gives the stated path; passes where there is none.
    public func checkContentAddress() throws(StoreModelError) {
        guard let contentAddress else { return }
        let expected = try contentAddress.path(
            name: path.name, references: references.subtracting([path]), referencesSelf: references.contains(path))
        guard expected == path else {
            throw StoreModelError("'\(path)'", "the content address '\(contentAddress)' belongs to \(expected)")
        }
    }
}
