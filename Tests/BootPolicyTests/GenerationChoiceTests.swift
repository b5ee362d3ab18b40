import BootProtocols
import Foundation
import SystemModel
import Testing

@testable import BootPolicy

@Suite struct GenerationChoiceTests {
    static let all: Set = [1, 2, 3, 4]

    static func rollout(_ trial: Rollout.Trial? = nil) -> Rollout {
        Rollout(system: "lab-node", generation: 3, trial: trial, since: 1000)
    }

    static func trials(lastGood: Int? = nil, _ failures: [Int: [Double]] = [:]) -> NodeHistory.Trials {
        var trials = NodeHistory.Trials()
        trials.lastGood = lastGood
        trials.failures = failures
        return trials
    }

    static func choice(
        _ rollout: Rollout = rollout(), group: String? = nil, trials: NodeHistory.Trials = trials(),
        good: Set<Int> = [], available: Set<Int> = all
    ) -> GenerationChoice? {
        rollout.choice(for: Sample.node, group: group, trials: trials, good: good, available: available)
    }

    @Test func `a node gets what was published, without a word`() {
        #expect(Self.choice() == GenerationChoice(generation: 3, reason: nil))
        #expect(
            Self.choice(trials: Self.trials(lastGood: 2, [3: [1001, 1002]]))
                == GenerationChoice(generation: 3, reason: nil))
    }

    @Test func `after as many failures as are borne it gets its last good one, and is told why`() {
        let failed = [3: [1001.0, 1002, 1003]]
        let own = Self.choice(trials: Self.trials(lastGood: 1, failed), good: [1, 2])
        #expect(own?.generation == 1)
        #expect(
            own?.reason == "generation 3 did not phone home in 3 boots of this node, and 1 is its last good one")
        // A new node falls back to what others live on, and to nothing that failed here as well.
        #expect(Self.choice(trials: Self.trials(failed), good: [1, 2])?.generation == 2)
        let both = failed.merging([2: [1001, 1002, 1003]]) { $1 }
        #expect(Self.choice(trials: Self.trials(both), good: [1, 2])?.generation == 1)
        // Nothing better is known.
        #expect(Self.choice(trials: Self.trials(failed))?.generation == 3)
        #expect(Self.choice(trials: Self.trials(lastGood: 1, failed), available: [3])?.generation == 3)
    }

    @Test func `publishing again is another chance, and patience 0 never ends`() {
        var rollout = Self.rollout()
        let trials = Self.trials(lastGood: 1, [3: [1001, 1002, 1003]])
        rollout.since = 1002
        #expect(Self.choice(rollout, trials: trials)?.generation == 3)
        rollout.since = 1000
        rollout.patience = 0
        #expect(Self.choice(rollout, trials: trials)?.generation == 3)
    }

    @Test func `a trial is for its group, and fails there alone`() {
        let rollout = Self.rollout(.init(generation: 4, audience: .group("canaries")))
        #expect(Self.choice(rollout)?.generation == 3)
        #expect(Self.choice(rollout, group: "others")?.generation == 3)
        let trial = Self.choice(rollout, group: "canaries")
        #expect(trial == GenerationChoice(generation: 4, reason: "on trial for group \"canaries\""))
        let trials = Self.trials(lastGood: 3, [4: [1001, 1002, 1003]])
        #expect(Self.choice(rollout, group: "canaries", trials: trials)?.generation == 3)
    }

    @Test func `a share is the same nodes every time, about as many as asked, and a larger one has them all`() throws {
        let nodes = try (0..<10_000).map { number in
            try #require(MACAddress(bytes: [0x52, 0x54, 0, 0x12, UInt8(number >> 8), UInt8(number & 255)]))
        }
        func members(_ percent: Int) -> Set<MACAddress> {
            Set(nodes.filter { Rollout.Audience.share(percent: percent).includes($0, group: nil) })
        }
        for percent in [1, 10, 50, 99] {
            #expect(
                abs(members(percent).count - percent * 100) < 150 + percent, "\(percent): \(members(percent).count)")
        }
        #expect(members(10).isStrictSubset(of: members(20)))
        #expect(members(100).count == nodes.count)
    }

    @Test func `an image that has gone is replaced by the newest there is`() {
        #expect(Self.choice(available: [1, 2])?.generation == 2)
        #expect(Self.choice(available: [1, 2])?.reason == "generation 3 is no longer in the store")
        #expect(Self.choice(available: []) == nil)
        let gone = Self.rollout(.init(generation: 9, audience: .group("g")))
        #expect(Self.choice(gone, group: "g")?.generation == 3)
    }

    /// A server of three generations and one node, from DHCP to the end of each boot.
    struct Story {
        var talk: Conversation
        var boots = 0

        init() throws {
            talk = try Conversation(DHCPResponderTests.full)
            talk.policy.generations["lab-node"] = ServedGenerations(
                rollout: Rollout(system: "lab-node", generation: 1, since: 0),
                systems: try Dictionary(
                    uniqueKeysWithValues: (1...3).map { ($0, try Sample.system("lab-node", generation: $0)) }))
        }

        mutating func publish(_ number: Int) {
            talk.policy.generations["lab-node"]?.rollout = Rollout(
                system: "lab-node", generation: number, since: Double(talk.now))
        }

        /// Boots up to where everything is delivered; the generation that it was given.
        mutating func boot(phonesHome: Bool) throws -> (generation: Int?, lines: [String]) {
            talk.now += 1000
            boots += 1
            talk.identifier = "b\(boots)"
            let discover = Sample.message(.discover, vendor: DHCPResponderTests.pxe, architecture: 7)
            let lines = talk.say(discover).lines
            let file = try #require(talk.policy.bootFile(named: "boot/b\(boots)/lab-node.efi", for: talk.attempts))
            func happen(_ event: BootAttempt.Event) {
                _ = talk.attempts.record(event, of: "b\(boots)", now: .seconds(talk.now))
            }
            happen(.transferStarted(file: "lab-node.efi", transport: .tftp, size: file.file.size))
            happen(.transferFinished(file: "lab-node.efi", transport: .tftp, bytes: file.file.size, seconds: 1))
            if phonesHome { happen(.phonedHome(message: "")) }
            return (talk.attempts.attempt("b\(boots)")?.generation, lines)
        }
    }

    @Test func `a broken generation is given up after three boots, and a repaired one is taken`() throws {
        var story = try Story()
        #expect(try story.boot(phonesHome: true).generation == 1)
        story.publish(2)
        for _ in 0..<3 { #expect(try story.boot(phonesHome: false).generation == 2) }
        let fallen = try story.boot(phonesHome: true)
        #expect(fallen.generation == 1)
        #expect(
            fallen.lines.contains {
                $0.hasSuffix(
                    "gets generation 1: generation 2 did not phone home in 3 boots of this node, and 1 is its last good one"
                )
            }, "\(fallen.lines)")
        #expect(try story.boot(phonesHome: true).generation == 1)
        story.publish(3)
        #expect(try story.boot(phonesHome: true).generation == 3)
    }

    @Test func `a node in flight keeps the generation that it began with`() throws {
        var story = try Story()
        story.talk.identifier = "b1"
        _ = story.talk.say(Sample.message(.discover, vendor: DHCPResponderTests.pxe, architecture: 0))
        story.publish(2)
        _ = story.talk.say(Sample.message(.discover, user: "iPXE", architecture: 0))
        #expect(story.talk.attempts.system(of: "b1")?.generation == 1)
        #expect(story.talk.attempts.all.count == 1)
    }

    @Test func `someone at the machine may choose any generation that is there`() throws {
        var story = try Story()
        story.talk.policy.templates = try NetbootTemplates(
            ipxe: "{{#hasGenerations}}menu{{/hasGenerations}}",
            generations: "{{#generations}}{{{number}}}{{#isCurrent}}*{{/isCurrent}} {{/generations}}")
        story.talk.identifier = "b1"
        _ = story.talk.say(Sample.message(.discover, user: "iPXE", architecture: 0))
        func text(_ name: String) -> String? {
            guard let file = story.talk.policy.bootFile(named: name, for: story.talk.attempts)?.file,
                case .literal(let bytes)? = file.extents.first
            else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(text("boot/b1/boot.ipxe") == "menu")
        #expect(text("boot/b1/generations.ipxe") == "3 2 1* ")
        let chosen = try #require(
            story.talk.policy.generation(chosenBy: "/boot/b1/generation-2.ipxe", for: story.talk.attempts))
        #expect(chosen.attempt == "b1" && chosen.system.generation == 2)
        for name in ["generation-9.ipxe", "generation-.ipxe", "generation-2", "generation-2x.ipxe"] {
            #expect(story.talk.policy.generation(chosenBy: "boot/b1/\(name)", for: story.talk.attempts) == nil)
        }
        #expect(story.talk.policy.generation(chosenBy: "boot/zz/generation-2.ipxe", for: story.talk.attempts) == nil)
        let lines = story.talk.attempts.change(
            "b1", to: chosen.system, reason: "chosen in the machine's menu", now: .seconds(2000))
        #expect(lines.first?.hasSuffix("gets generation 2: chosen in the machine's menu") == true)
        #expect(story.talk.attempts.system(of: "b1")?.generation == 2)
        #expect(story.talk.attempts.attempt("b1")?.generation == 2)
    }
}
