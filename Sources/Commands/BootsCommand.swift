import ArgumentParser
import BootPolicy
import BootProtocols
import Foundation
import LocalStore
import NetbootServer

/// `bootferry boots`: what every machine did when it booted, and why it did not.
struct BootsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "boots", abstract: "Show the boots that were served, and where those stopped that failed.",
        discussion: """
            One line a boot, the newest last: when it began, the node, its system and generation, and how it ended.
            With NODE, each boot's timeline besides: DHCP, loader, kernel and initramfs with bytes and rate, phone-home,
            or where it stopped and the likely reason.

            The records are kept below the state directory, in 'netboot', and bounded: the oldest go first.

              bootferry boots
              bootferry boots 52:54:00:12:34:56 --last 3
              bootferry boots --follow
            """)

    @Argument(help: ArgumentHelp("A node, by its MAC address; all nodes by default.", valueName: "node"))
    var node: String?
    @Option(help: ArgumentHelp("Only so many, the newest.", valueName: "n"))
    var last = 20
    @Flag(help: "Go on, and show each line as it happens; Ctrl-C ends it.")
    var follow = false
    @OptionGroup var options: WorkspaceOptions

    func validate() throws {
        guard last >= 0 else { throw ValidationError("--last takes a number from 0, found '\(last)'") }
        if let node, MACAddress(node) == nil {
            throw ValidationError("NODE is a MAC address such as 52:54:00:12:34:56, found '\(node)'")
        }
    }

    func run() async throws {
        let terminal = Terminal(quiet: options.quiet)
        let directory = try Workspace.stateDirectory(options).netboot
        var readers = BootLogFiles.all(below: directory).map { BootLogReader(log: $0) }
        for index in readers.indices { try readers[index].readBack(until: last, of: node.flatMap { MACAddress($0) }) }
        for damage in readers.flatMap(\.damage) {
            terminal.message(
                "\(damage.file):\(damage.line): not a whole record, skipped"
                    + (damage.isLast ? "; the server was killed while it wrote, or is writing" : ""))
        }
        let wanted = node.flatMap { MACAddress($0) }
        let attempts = readers.flatMap { $0.attempts.all }.filter { wanted == nil || $0.node == wanted }
            .sorted { $0.began < $1.began }.suffix(last)
        if options.json, !follow {
            terminal.result(try encodeJSON(Array(attempts)))
            return
        }
        if options.json {
            for attempt in attempts { terminal.result(try Self.line(attempt)) }
        } else {
            for attempt in attempts {
                terminal.result(Self.summary(attempt))
                if wanted != nil { for line in attempt.timeline { terminal.result("    \(line)") } }
            }
            if attempts.isEmpty, !follow { terminal.message("no boots are recorded in \(directory)") }
        }
        guard follow else { return }
        while !Task.isCancelled {
            try await Task.sleep(for: .milliseconds(300))
            for log in BootLogFiles.all(below: directory)
            where !readers.contains(where: { $0.log.directory == log.directory }) {
                readers.append(BootLogReader(log: log))
            }
            for index in readers.indices {
                let (lines, finished) = try readers[index].readOn(of: wanted)
                if options.json {
                    for attempt in finished { terminal.result(try Self.line(attempt)) }
                } else {
                    for line in lines { terminal.result(line) }
                }
            }
        }
    }

    private static func line(_ attempt: BootAttempt) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(attempt), as: UTF8.self)
    }

    static func summary(_ attempt: BootAttempt) -> String {
        let time = ISO8601DateFormatter().string(from: Date(timeIntervalSince1970: attempt.began))
        let generation = attempt.generation.map { " \($0)" } ?? ""
        return "\(time)  \(attempt.node)  \(attempt.system)\(generation)  \(attempt.summary)"
    }
}

/// Follows one log: what was in it, and what is appended.
struct BootLogReader {
    let log: BootLogFiles
    private(set) var attempts = BootAttempts()
    private(set) var damage: [BootLogFiles.Damage] = []
    private var number = 0
    private var offset = 0

    init(log: BootLogFiles) { self.log = log }

    /// Reads the newest files, until so many boots, of one node or of all, are in them.
    mutating func readBack(until count: Int, of node: MACAddress?) throws {
        var records: [BootRecord] = []
        var found = 0
        for number in try log.numbers().reversed() {
            let file = try log.read(number)
            if self.number == 0 { (self.number, offset) = (number, file.next) }
            records = file.records + records
            damage = file.damage + damage
            found += file.records.count { record in
                if case .began(_, let began, _, _, _) = record { node == nil || node == began } else { false }
            }
            if found >= count { break }
        }
        for record in records { _ = attempts.replay(record) { _, _ in nil } }
    }

    /// What was appended since: the lines to show, and the boots that ended.
    mutating func readOn(of node: MACAddress?) throws -> (lines: [String], finished: [BootAttempt]) {
        var (lines, finished): ([String], [BootAttempt]) = ([], [])
        for number in try log.numbers() where number >= self.number {
            if number > self.number { (self.number, offset) = (number, 0) }
            let (records, _, next) = try log.read(number, from: offset)
            offset = next
            for record in records {
                let said = attempts.replay(record) { _, _ in nil }
                guard case .happened(let boot, let event, _) = record, let attempt = attempts.attempt(boot),
                    node == nil || attempt.node == node
                else { continue }
                lines += said
                switch event {
                case .phonedHome, .stopped: finished.append(attempt)
                default: break
                }
            }
        }
        return (lines, finished)
    }
}
