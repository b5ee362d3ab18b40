import Foundation
import LinuxCalls
import StoreModel
import SystemModel
import SystemPackage

extension LocalStore {
    /// The generations of every system, or of one, by name and then number.
    ///
    /// Each is a file `generations/SYSTEM/NUMBER.json`, and a GC root of the same name keeps its image.
    public func generations(of system: String? = nil) throws -> [Generation] {
        let systems = try system.map { [$0] } ?? Files.names(in: directory.generations).map(\.string)
        var found: [Generation] = []
        for system in systems {
            let folder = directory.generations.appending(system)
            guard Files.exists(folder) else { continue }
            for name in try Files.names(in: folder) where name.string.hasSuffix(".json") {
                found.append(try Self.generation(in: folder.appending(name)))
            }
        }
        return found.sorted { ($0.system, $0.number) < ($1.system, $1.number) }
    }

    /// The newest generation of a system; reads only that one, however many there are.
    public func latestGeneration(of system: String) throws -> Generation? {
        try generationNumbers(of: system).last.flatMap { try generation($0, of: system) }
    }

    /// The numbers of a system's generations, in order.
    public func generationNumbers(of system: String) throws -> [Int] {
        let folder = directory.generations.appending(system)
        guard Files.exists(folder) else { return [] }
        return try Files.names(in: folder).compactMap { $0.extension == "json" ? Int($0.stem) : nil }.sorted()
    }

    /// One generation of a system, or nil where there is none of that number.
    public func generation(_ number: Int, of system: String) throws -> Generation? {
        let file = directory.generations.appending(system).appending("\(number).json")
        return Files.exists(file) ? try Self.generation(in: file) : nil
    }

    private static func generation(in file: FilePath) throws -> Generation {
        do {
            return try JSONDecoder().decode(Generation.self, from: Data(Files.text(of: file).utf8))
        } catch let error as DecodingError {
            throw LocalStoreError("'\(file)'", "is not a generation", kind: .corrupt, cause: "\(error)")
        }
    }

    /// Makes an image the newest generation of its system; the one there is, if it has that image already.
    ///
    /// - Parameter inputs: what it was made from; nil for what is known of the system's last generation.
    public func publish(_ image: StorePath, as system: String, madeFrom inputs: [StorePath]?) throws -> Generation {
        let lock = try FileLock.wait(.exclusive, directory.locks.appending("generations"))
        defer { _ = consume lock }
        let last = try latestGeneration(of: system)
        if let last, last.image == image.description { return last }
        let folder = directory.generations.appending(system)
        try Files.createDirectories(folder)
        let generation = Generation(
            system: system, number: max(try lastForgotten(of: system), last?.number ?? 0) + 1,
            image: image.description, created: now())
        if let inputs {
            let lines = inputs.map(\.baseName).sorted().map { $0 + "\n" }
            try replaceFile(at: folder.appending("inputs"), with: Array(lines.joined().utf8))
        }
        // The root first: a generation without one could lose its image.
        try addRoot(generation.rootName, image)
        try replaceFile(
            at: folder.appending("\(generation.number).json"),
            with: Array(canonicalJSON(generation, readable: true).utf8))
        return generation
    }

    /// Takes a generation that was made elsewhere, whose image is here: under its own number where that was never used here,
    /// else under the next one. The one there is, if the system has that image already.
    public func adopt(_ made: Generation) throws -> Generation {
        let lock = try FileLock.wait(.exclusive, directory.locks.appending("generations"))
        defer { _ = consume lock }
        let known = try generations(of: made.system)
        if let same = known.first(where: { $0.image == made.image }) { return same }
        var generation = made
        let forgotten = try lastForgotten(of: made.system)
        if made.number <= forgotten || known.contains(where: { $0.number == made.number }) {
            generation.number = max(forgotten, known.last?.number ?? 0) + 1
        }
        let folder = directory.generations.appending(made.system)
        try Files.createDirectories(folder)
        try addRoot(generation.rootName, try StorePath(parsing: generation.image))
        try replaceFile(
            at: folder.appending("\(generation.number).json"),
            with: Array(canonicalJSON(generation, readable: true).utf8))
        return generation
    }

    /// What the newest generation of a system was made from: kept so that the next build has only the change to make.
    ///
    /// It is the file `generations/SYSTEM/inputs`, a path a line.
    public func inputs(of system: String) throws -> [StorePath] {
        let file = directory.generations.appending(system).appending("inputs")
        guard Files.exists(file) else { return [] }
        return try Files.text(of: file).split(separator: "\n").map { try StorePath(baseName: String($0)) }
    }

    /// Which generation of a system its nodes get; nil where nothing has been published.
    ///
    /// It is the file `generations/SYSTEM/rollout`.
    public func rollout(of system: String) throws -> Rollout? {
        try Self.rollout(in: directory.generations.appending(system))
    }

    /// Of every system that has been published, by name.
    public func rollouts() throws -> [String: Rollout] {
        var found: [String: Rollout] = [:]
        for name in try Files.names(in: directory.generations) {
            found[name.string] = try Self.rollout(in: directory.generations.appending(name))
        }
        return found
    }

    private static func rollout(in folder: FilePath) throws -> Rollout? {
        let file = folder.appending("rollout")
        guard Files.exists(file) else { return nil }
        do {
            return try JSONDecoder().decode(Rollout.self, from: Data(Files.text(of: file).utf8))
        } catch let error as DecodingError {
            throw LocalStoreError(
                "'\(file)'", "is not a rollout", kind: .corrupt, cause: "\(error)", remedy: "bootferry publish")
        }
    }

    /// Changes which generation a system's nodes get; `change` is given what holds now, and what it returns holds then.
    /// A server that is running takes it up within seconds.
    @discardableResult
    public func roll(out system: String, _ change: (Rollout?) throws -> Rollout) throws -> Rollout {
        let lock = try FileLock.wait(.exclusive, directory.locks.appending("generations"))
        defer { _ = consume lock }
        let folder = directory.generations.appending(system)
        let rollout = try change(Self.rollout(in: folder))
        for number in rollout.generations where !Files.exists(folder.appending("\(number).json")) {
            throw LocalStoreError(
                system, "has no generation \(number)", kind: .usage, remedy: "bootferry generations \(system)")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try replaceFile(at: folder.appending("rollout"), with: Array(encoder.encode(rollout)) + [0x0a])
        return rollout
    }

    /// The highest number of a system's forgotten generations, from the file `generations/SYSTEM/last`: none is given twice.
    private func lastForgotten(of system: String) throws -> Int {
        let file = directory.generations.appending(system).appending("last")
        return Files.exists(file) ? Int(try Files.text(of: file).prefix { $0 != "\n" }) ?? 0 : 0
    }

    /// Forgets a generation; its image stays until the next collection.
    public func remove(_ generation: Generation) throws {
        let lock = try FileLock.wait(.exclusive, directory.locks.appending("generations"))
        defer { _ = consume lock }
        if try generation.number > lastForgotten(of: generation.system) {
            try replaceFile(
                at: directory.generations.appending(generation.system).appending("last"),
                with: Array("\(generation.number)\n".utf8))
        }
        try Files.remove(directory.generations.appending(generation.system).appending("\(generation.number).json"))
        try removeRoot(generation.rootName)
    }
}
