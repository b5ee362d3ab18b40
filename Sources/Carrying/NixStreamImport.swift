import LocalStore
import StoreModel

/// Takes what `nix-store --export` wrote into the store.
///
/// A stream has neither digest nor signature, and nix itself registers whatever comes. Here an object is taken only where its path
/// follows from its content, by SHA-256; its stated deriver is nobody's word and is not kept. What is refused is named, and all else
/// stays. Blocking; memory for one chunk.
public struct NixStreamImport: Sendable {
    public let store: LocalStore

    public init(store: LocalStore) { self.store = store }

    /// Bytes that the store may still take.
    public func freeBytes() throws -> Int { try MediumFiles.freeBytes(at: store.directory.path) }

    /// Reads the stream to its end.
    ///
    /// - Parameters:
    ///   - paths: objects that are kept, with all that they need, until a later collection; nil for all that no other in the stream needs.
    ///   - progress: told of the bytes that have come.
    public func run(
        _ stream: IncomingBytes, keeping paths: Set<StorePath>? = nil, progress: @escaping (Int) -> Void
    ) throws -> Import.Report {
        var report = Import.Report()
        var refused: Set<StorePath> = []
        var complete: Set<StorePath> = []
        var needed: Set<StorePath> = []
        var count = 0
        var reader = NixExport.Reader { limit in
            let bytes = try stream.take(upTo: limit)
            count += bytes.count
            progress(count)
            return bytes[...]
        }
        do {
            while try reader.beginObject() {
                var references: Set<StorePath> = []
                let (path, outcome) = try store.importUnvouched { take in
                    try reader.readArchive(take)
                    let claim = try reader.endObject()
                    references = claim.references
                    return (claim.path, claim.references)
                }
                needed.formUnion(references.subtracting([path]))
                switch outcome {
                case .taken:
                    report.imported.append(path)
                    complete.insert(path)
                case .there:
                    report.there += 1
                    complete.insert(path)
                case .unproved:
                    refused.insert(path)
                    report.faults.append(Self.unproved(path))
                case .lacks(let lacking):
                    refused.insert(path)
                    report.hindered.append(path)
                    // One that was refused itself has been named.
                    for missing in lacking.subtracting(refused).sorted() {
                        report.faults.append(
                            MediumFault(
                                "\(missing)",
                                "is missing, which \(path) needs: neither here nor before it in the stream"))
                    }
                }
            }
            try reader.finish()
        } catch let error as StoreModelError where error.kind == .corrupt {
            report.faults.append(MediumFault(stream.name, "\(error.subject): \(error.message)"))
        }
        for path in try roots(paths, complete.subtracting(needed), refused, &report) {
            // No collection takes what was asked for.
            try store.keepImported(path)
        }
        return report
    }

    private func roots(
        _ paths: Set<StorePath>?, _ tops: Set<StorePath>, _ refused: Set<StorePath>,
        _ report: inout Import.Report
    ) throws -> [StorePath] {
        guard let paths else { return tops.sorted() }
        for path in paths.sorted() where try !refused.contains(path) && !store.isValid(path) {
            report.faults.append(MediumFault("\(path)", "did not come with the stream"))
        }
        return try paths.sorted().filter { try store.isValid($0) }
    }

    private static func unproved(_ path: StorePath) -> MediumFault {
        MediumFault(
            "\(path)",
            "is not proved: its path does not follow from its content, so it is altered, or of a kind that only a signature "
                + "proves, and a stream has none; carry it by 'nix copy --to \"file:///media/stick?secret-key=FILE\"'")
    }
}
