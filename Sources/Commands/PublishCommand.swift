import ArgumentParser
import LocalStore
import SystemModel

/// `bootferry publish`: a generation for all nodes, or for some first.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Give a system's nodes its newest generation, all of them or some first.",
        discussion: """
            Builds the system and makes the image what new boots get. A server that is running takes it up within seconds;
            a node that is booting finishes with the generation it began with.

            With '--to' or '--share' only those nodes get it and all others what they had; 'publish' without them gives it
            to all, 'rollback' takes it back. The nodes of a share are told by their MAC addresses, so they are the same
            every time, and a larger share has those of a smaller one.

            A node on which a generation is fetched '--patience' times without a phone-home gets its last good generation
            by itself, and the boot's timeline says so. Publishing again gives it another chance.

              bootferry publish lab-node --share 10
              bootferry publish lab-node --to canaries --no-build
            """)

    @Argument(help: "The system.")
    var system: String
    @Option(help: ArgumentHelp("Only for the nodes of this group of the site file.", valueName: "group"))
    var to: String?
    @Option(help: ArgumentHelp("Only for so many of a hundred nodes.", valueName: "percent"))
    var share: String?
    @Option(help: ArgumentHelp("Failed boots after which a node falls back; 0 for never.", valueName: "boots"))
    var patience = Rollout.defaultPatience
    @Flag(name: .customLong("no-build"), help: "Publish the newest generation there is.")
    var noBuild = false
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    func validate() throws {
        _ = try audience()
        // What a node remembers of a generation's failures is bounded.
        guard (0...8).contains(patience) else { throw ValidationError("--patience takes 0 to 8, found '\(patience)'") }
    }

    private func audience() throws -> Rollout.Audience? {
        guard let share else { return to.map { .group($0) } }
        guard to == nil else { throw ValidationError("--to and --share cannot be given both") }
        let digits = share.hasSuffix("%") ? String(share.dropLast()) : share
        guard let percent = Int(digits), (1...99).contains(percent) else {
            throw ValidationError("--share takes 1 to 99 of a hundred nodes, found '\(share)'")
        }
        return .share(percent: percent)
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let store = workspace.store
        let name: String
        let before: Int?
        let newest: Int
        if noBuild {
            // Of an imported system, the configuration may not be here.
            let isKnown = try !store.generationNumbers(of: system).isEmpty
            name = try isKnown ? system : SystemSource(system, data: workspace.data).system.name
            before = try store.generationNumbers(of: name).last
            guard let before else {
                throw CommandError(
                    kind: .usage, subject: name, message: "has no generation yet", remedy: "bootferry publish \(system)"
                )
            }
            newest = before
        } else {
            let pipeline = SystemPipeline(
                source: try SystemSource(system, data: workspace.data), workspace: workspace, mirror: mirror)
            name = pipeline.source.system.name
            before = try store.generationNumbers(of: name).last
            newest = try await pipeline.publishedImage().generation.number
        }
        let audience = try audience()
        let rollout = try store.roll(out: name) { old in
            let since = Double(secondsSince1970())
            guard let audience else {
                return Rollout(system: name, generation: newest, patience: patience, since: since)
            }
            guard let base = old?.generation ?? (before == newest ? nil : before) else {
                throw CommandError(
                    kind: .usage, subject: name,
                    message: "nothing is published yet that the other nodes could go on with",
                    remedy: "bootferry publish \(system)")
            }
            guard base != newest else {
                throw CommandError(
                    kind: .usage, subject: name, message: "all nodes get generation \(newest) already",
                    remedy: "change the system first, or bootferry rollback \(name)")
            }
            return Rollout(
                system: name, generation: base, trial: .init(generation: newest, audience: audience),
                patience: patience, since: since)
        }
        workspace.terminal.report(rollout, json: options.json)
    }
}

/// `bootferry rollback`: back to an older generation.
struct RollbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Give a system's nodes an older generation again.",
        discussion: """
            Without NUMBER, a generation that only some nodes get is taken back; where there is none, all get the newest
            generation before the one they have. Nothing is built or deleted, and a server that is running takes it up
            within seconds.

              bootferry rollback lab-node
              bootferry rollback lab-node 12
            """)

    @Argument(help: ArgumentHelp("The system's name, as 'generations' lists it.", valueName: "system"))
    var system: String
    @Argument(help: ArgumentHelp("The generation; the one before by default.", valueName: "number"))
    var number: Int?
    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let store = try Workspace.openStore(options)
        let rollout = try store.roll(back: system, to: number, now: Double(secondsSince1970()))
        Terminal(quiet: options.quiet).report(rollout, json: options.json)
    }
}

extension LocalStore {
    /// What `rollback` does; the web page does the same.
    func roll(back system: String, to number: Int?, now: Double) throws -> Rollout {
        try roll(out: system) { old in
            guard let latest = try generationNumbers(of: system).last else {
                throw CommandError(
                    kind: .usage, subject: system, message: "has no generations", remedy: "bootferry generations")
            }
            let current = old?.generation ?? latest
            let patience = old?.patience ?? Rollout.defaultPatience
            if number == nil, let old, old.trial != nil {
                return Rollout(system: system, generation: old.generation, patience: patience, since: now)
            }
            guard let target = try number ?? generationNumbers(of: system).last(where: { $0 < current }) else {
                throw CommandError(
                    kind: .usage, subject: system, message: "has no generation before \(current)",
                    remedy: "bootferry generations \(system)")
            }
            return Rollout(system: system, generation: target, patience: patience, since: now)
        }
    }
}

extension Terminal {
    /// Says what new boots get.
    func report(_ rollout: Rollout, json: Bool) {
        if json {
            if let text = try? encodeJSON(rollout) { result(text) }
            return
        }
        result(rollout.words)
    }
}
