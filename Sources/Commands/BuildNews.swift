import DebianArchive
import SystemModel

/// What is new in an image against the generation before it.
struct BuildNews: Encodable {
    struct Package: Encodable, Equatable {
        var name: String
        /// Nil where the package is new, or its segment does not say.
        var before: String?
        /// Nil where the package has gone.
        var after: String?
    }

    /// The generation compared with; nil for a system's first.
    var comparedWith: Int?
    var added: [Package] = []
    var removed: [Package] = []
    var changed: [Package] = []
    /// Segments of the same package and version, or of no package (`configuration`, `settings`), with other bytes.
    var remade: [String] = []
    /// Whether kernel parameters, boot loaders or what the platform gives are others.
    var hasOtherBootFiles = false

    var isEmpty: Bool {
        added.isEmpty && removed.isEmpty && changed.isEmpty && remade.isEmpty && !hasOtherBootFiles
    }

    /// - Parameter version: a package's version, from where its segment lies; asked for only where segments differ.
    init(from before: ImageManifest, to after: ImageManifest, version: (ImageManifest.Segment) -> String?) {
        let old = Dictionary(before.segments.map { ($0.summary.name, $0) }, uniquingKeysWith: { $1 })
        let new = Dictionary(after.segments.map { ($0.summary.name, $0) }, uniquingKeysWith: { $1 })
        for (name, segment) in new.sorted(by: { $0.key < $1.key }) {
            guard let earlier = old[name] else {
                added.append(Package(name: name, after: version(segment)))
                continue
            }
            guard earlier.part.path != segment.part.path else { continue }
            let (last, next) = (version(earlier), version(segment))
            if last == next {
                remade.append(name)
            } else {
                changed.append(Package(name: name, before: last, after: next))
            }
        }
        for (name, segment) in old.sorted(by: { $0.key < $1.key }) where new[name] == nil {
            removed.append(Package(name: name, before: version(segment)))
        }
        hasOtherBootFiles =
            before.kernelParameters != after.kernelParameters || before.loaders != after.loaders
            || before.platform != after.platform
    }

    /// A system's first generation.
    init() {}

    /// How many of a kind are named.
    private static let shown = 12

    /// Short lines, one a kind.
    var lines: [String] {
        func list(_ title: String, _ items: [String]) -> [String] {
            guard !items.isEmpty else { return [] }
            let more = items.count > Self.shown ? " and \(items.count - Self.shown) more" : ""
            return ["\(title) \(items.prefix(Self.shown).joined(separator: ", "))\(more)"]
        }
        func words(_ package: Package) -> String {
            switch (package.before, package.after) {
            case (let before?, let after?): "\(package.name) \(before) -> \(after)"
            case (let version?, nil), (nil, let version?): "\(package.name) \(version)"
            case (nil, nil): package.name
            }
        }
        return list("added     ", added.map(words)) + list("removed   ", removed.map(words))
            + list("changed   ", changed.map(words)) + list("remade    ", remade)
            + (hasOtherBootFiles ? ["changed    kernel parameters or boot loaders"] : [])
    }
}

extension BuildNews {
    /// Compares two images of the store; versions are those that the packages' own control files state.
    init(from before: BuiltImage, to after: BuiltImage) {
        self.init(from: before.manifest, to: after.manifest) { segment in
            guard let folder = try? after.physical(segment.part).removingLastComponent(),
                case .bytes(let bytes) = HostFiles.content(folder.appending("control").string)
            else { return nil }
            let text = String(decoding: bytes, as: UTF8.self)
            let stanza = text.range(of: "\n\n").map { String(text[..<$0.lowerBound]) } ?? text
            return try? ControlStanza.parse(stanza, source: segment.summary.name).first?["Version"]
        }
        comparedWith = before.generation.number
    }
}
