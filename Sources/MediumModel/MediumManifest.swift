import StoreModel
import SystemModel

/// What a medium says it carries: every file by size and digest, the generations, and what must be there already.
///
/// Lines of `KEY: VALUE`, in this order and sorted within each key, so that one value has one text:
///
///     Bootferry-Medium: 1
///     Created: SECONDS-SINCE-1970
///     Volume: NUMBER COUNT SHA256-HEX
///     Generation: SYSTEM NUMBER CREATED HASH-NAME
///     Root: HASH-NAME
///     Base: HASH-NAME
///     Elsewhere: NUMBER HASH-NAME
///     File: SHA256-HEX SIZE NAME
///     Sig: KEY:BASE64
///
/// The signatures are of all before them.
public struct MediumManifest: Sendable, Equatable {
    /// One file of the medium.
    public struct File: Sendable, Equatable {
        public var digest: Digest
        /// In bytes.
        public var size: Int

        public init(digest: Digest, size: Int) {
            self.digest = digest
            self.size = size
        }
    }

    /// One of several media that together carry an export.
    public struct Volume: Sendable, Equatable {
        /// From 1.
        public var number: Int
        /// How many there are.
        public var count: Int
        /// Of them all (`MediumManifest.digest(ofVolumes:)`), so that no volume of another export is taken for one of these.
        public var set: Digest
        /// What the other volumes have, each with that volume's number.
        public var elsewhere: [StorePath: Int]

        public init(number: Int, count: Int, set: Digest, elsewhere: [StorePath: Int]) {
            self.number = number
            self.count = count
            self.set = set
            self.elsewhere = elsewhere
        }

        /// More would be a mistake.
        public static let mostVolumes = 999
    }

    /// Seconds since 1970.
    public var created: Int
    /// Nil where this medium carries the whole export.
    public var volume: Volume?
    /// By system and number; their images are on the medium with all that they need, less `base`.
    public var generations: [Generation] = []
    /// Other objects that are carried with all that they need, less `base`.
    public var roots: Set<StorePath> = []
    /// Objects that what is carried refers to, and that the medium does not have.
    public var base: Set<StorePath> = []
    /// By name, relative to the medium.
    public var files: [String: File] = [:]

    /// Of the file that it is in, at the top of the medium.
    public static let fileName = "medium-manifest"

    /// The file's name on a volume, so that the volumes of an export may be put into one folder.
    public static func fileName(ofVolume number: Int?) -> String { number.map { "\(fileName)-\($0)" } ?? fileName }

    /// Which volume a file of this name is the manifest of; nil where it is another file.
    public static func volumeNumber(ofFile name: String) -> Int? {
        guard name.hasPrefix("\(fileName)-"), let number = Int(name.dropFirst(fileName.utf8.count + 1)),
            (1...Volume.mostVolumes).contains(number), fileName(ofVolume: number) == name
        else { return nil }
        return number
    }

    /// SHA-256 of all volumes' texts, in their order and without the lines that have this digest.
    public static func digest(ofVolumes manifests: [MediumManifest]) -> Digest {
        .sha256(of: manifests.map { $0.text(namesVolume: false) }.joined())
    }

    /// No file of a medium is said to be larger, so that sums of sizes stay numbers.
    public static let maximumFileSize = 1 << 40
    /// Bytes beyond which a file is no manifest.
    public static let maximumCount = 1 << 26

    public init(created: Int) { self.created = created }

    /// What is signed.
    public var text: String { text(namesVolume: true) }

    private func text(namesVolume: Bool) -> String {
        var text = "Bootferry-Medium: 1\nCreated: \(created)\n"
        if let volume, namesVolume { text += "Volume: \(volume.number) \(volume.count) \(volume.set.hex)\n" }
        for generation in generations.sorted(by: { ($0.system, $0.number) < ($1.system, $1.number) }) {
            let image = generation.image.dropFirst(StorePath.directory.utf8.count + 1)
            text += "Generation: \(generation.system) \(generation.number) \(generation.created) \(image)\n"
        }
        for root in roots.sorted() { text += "Root: \(root.baseName)\n" }
        for path in base.sorted() { text += "Base: \(path.baseName)\n" }
        for (path, number) in (volume?.elsewhere ?? [:]).sorted(by: { $0.key < $1.key }) {
            text += "Elsewhere: \(number) \(path.baseName)\n"
        }
        for (name, file) in files.sorted(by: { $0.key < $1.key }) {
            text += "File: \(file.digest.hex) \(file.size) \(name)\n"
        }
        return text
    }

    /// Bytes of all files.
    public var size: Int { files.values.reduce(0) { $0 + $1.size } }

    /// Where import begins: the generations' images, and the other roots.
    public func allRoots() throws(StoreModelError) -> Set<StorePath> {
        var all = roots
        for generation in generations { all.insert(try StorePath(parsing: generation.image)) }
        return all
    }

    /// Throws unless `name` can be a file of a medium on any file system: up to three parts of lower-case letters, digits
    /// and `.-_`, none beginning or ending with '.'.
    public static func checkName(_ name: some StringProtocol) throws(StoreModelError) {
        let parts = Array(name.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isGood =
            parts.count <= 3 && name.utf8.count <= 250
            && parts.allSatisfy { part in
                !part.isEmpty && part.first != UInt8(ascii: ".") && part.last != UInt8(ascii: ".")
                    && part.allSatisfy { byte in
                        switch byte {
                        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                            UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                            true
                        default: false
                        }
                    }
            }
        guard isGood else {
            throw StoreModelError("'\(name.prefix(300))'", "cannot be the name of a file on a medium")
        }
    }
}

extension MediumManifest {
    /// Reads the text without its signatures; anything that this program would not write throws.
    public init(parsing text: String) throws(StoreModelError) {
        func fault(_ message: String) -> StoreModelError {
            StoreModelError("'\(MediumManifest.fileName)'", message, remedy: "export it again")
        }
        func number(_ text: Substring) throws(StoreModelError) -> Int {
            guard let number = Int(text), number >= 0 else { throw fault("'\(text.prefix(100))' is no number") }
            return number
        }
        guard text.utf8.count <= MediumManifest.maximumCount else {
            throw fault("has more than \(MediumManifest.maximumCount) bytes")
        }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popLast() == "" else { throw fault("its last line has no end") }
        guard let first = lines.popFirst(), first.hasPrefix("Bootferry-Medium: ") else {
            throw fault("is no medium manifest")
        }
        guard first == "Bootferry-Medium: 1" else {
            throw StoreModelError(
                "'\(MediumManifest.fileName)'", "is of another version: found '\(first.prefix(100))', known is 1",
                kind: .host, remedy: "use the program that is on the medium, or a newer one")
        }
        guard let created = lines.popFirst(), created.hasPrefix("Created: ") else { throw fault("has no 'Created'") }
        self.init(created: try number(created.dropFirst(9)))
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), line[colon...].hasPrefix(": ") else {
                throw fault("expected 'Key: value', found '\(line.prefix(100))'")
            }
            let words = line[colon...].dropFirst(2).split(separator: " ", omittingEmptySubsequences: false)
            switch (line[..<colon], words.count) {
            case ("Volume", 3):
                let (place, count) = (try number(words[0]), try number(words[1]))
                guard count <= Volume.mostVolumes, (1...max(1, count)).contains(place) else {
                    throw fault("'\(line.prefix(100))' is no volume")
                }
                volume = Volume(
                    number: place, count: count, set: try Digest(sha256Hex: words[2]), elsewhere: [:])
            case ("Generation", 4):
                let image = try StorePath(baseName: String(words[3]))
                guard MediumManifest.isSystemName(words[0]), let count = Int(words[1]), count > 0 else {
                    throw fault("'\(line.prefix(200))' names no generation")
                }
                generations.append(
                    Generation(
                        system: String(words[0]), number: count, image: image.description, created: try number(words[2])
                    ))
            case ("Elsewhere", 2):
                let place = try number(words[0])
                guard let volume, (1...max(1, volume.count)).contains(place), place != volume.number else {
                    throw fault("'\(line.prefix(200))' is on no other volume")
                }
                self.volume?.elsewhere[try StorePath(baseName: String(words[1]))] = place
            case ("Root", 1): roots.insert(try StorePath(baseName: String(words[0])))
            case ("Base", 1): base.insert(try StorePath(baseName: String(words[0])))
            case ("File", 3):
                try MediumManifest.checkName(words[2])
                guard try number(words[1]) <= MediumManifest.maximumFileSize else {
                    throw fault("'\(words[2])' has more than \(MediumManifest.maximumFileSize) bytes")
                }
                files[String(words[2])] = File(
                    digest: try Digest(sha256Hex: words[0]), size: try number(words[1]))
            default: throw fault("does not know '\(line.prefix(100))'")
            }
        }
        guard self.text == text else { throw fault("is not as it is written: lines out of order, or twice") }
    }

    /// As configurations have it: 1 to 63 lower-case letters, digits and '-'.
    private static func isSystemName(_ name: Substring) -> Bool {
        !name.isEmpty && name.utf8.count <= 63 && name.first != "-"
            && name.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}
