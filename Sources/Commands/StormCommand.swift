import ArgumentParser
import Diagnostics
import Foundation
import Glibc
import Storm

extension StormSettings.Firmware: ExpressibleByArgument {}

/// `bootferry storm`: many virtual nodes boot at once from a server that runs.
struct StormCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "storm", abstract: "Boot thousands of virtual nodes at once, to see what a boot server bears.",
        discussion: """
            Sends DHCP, TFTP and HTTP requests as a firmware does, for as many nodes as you say, by the one interface that
            you name, to whichever boot server answers there. Each node takes a lease, and the interface answers to its
            address while the storm lasts (local routes), which needs root. MAC addresses are 02:bf:00:…; a real network's
            leases and neighbour tables would fill with them, so use a network of your own, such as a namespace:

              ip netns add storm; ip link add storm0 type veth peer name storm1 netns storm
              ip address add 10.77.0.1/16 dev storm0; ip link set storm0 up
              ip -n storm address add 10.77.0.50/16 dev storm1; ip -n storm link set storm1 up
              bootferry serve lab-node --interface storm0 --dhcp full --range 10.77.64.0-10.77.127.255
              ip netns exec storm bootferry storm --interface storm1 --nodes 1000

            The server's host then reaches all of them by one neighbour. Otherwise the interface answers by ARP for addresses
            that a DHCP server has lent to other cards, which Bootferry's rightly takes for a conflict:
              ip route add 10.77.64.0/18 via 10.77.0.50

            One node boots first; every other download is compared with its bytes, whose SHA-256 is told. Losses are made by
            the storm itself, on its own side.

            EXIT STATUS is 1 where a node did not boot or a byte was wrong.
            """)

    @Option(help: ArgumentHelp("The interface to storm on; nothing is sent on any other.", valueName: "name"))
    var interface: String
    @Option(help: "Virtual nodes, 1 to 60000.")
    var nodes = 100
    @Option(help: "bios, uefi or uefi-http.")
    var firmware = StormSettings.Firmware.bios
    @Option(help: "Nodes switched on each second; 0: all at once.")
    var rate = 0
    @Option(help: ArgumentHelp("Packets of DHCP and TFTP lost, in per cent.", valueName: "per cent"))
    var loss = 0.0
    @Option(help: ArgumentHelp("Packets that come twice.", valueName: "per cent"))
    var duplicate = 0.0
    @Option(help: ArgumentHelp("Packets that come late.", valueName: "per cent"))
    var reorder = 0.0
    @Option(help: ArgumentHelp("HTTP transfers broken off midway and begun anew.", valueName: "per cent"))
    var reset = 0.0
    @Option(help: "TFTP's block size.")
    var blksize = 1468
    @Option(help: "TFTP's window size.")
    var windowsize = 1
    @Option(help: "How often a node that failed is switched on again.")
    var restarts = 3
    @Option(help: ArgumentHelp("Give up after so long.", valueName: "seconds"))
    var patience = 600
    @Option(help: "Random choices follow from it.")
    var seed: UInt64 = 1
    @Option(
        help: ArgumentHelp(
            "A digest that a file must have; may be given several times.", valueName: "file=sha256"))
    var expect: [String] = []
    @Flag(help: "The report as JSON.")
    var json = false

    func validate() throws {
        guard !interface.isEmpty else { throw ValidationError("name the interface: --interface veth1") }
        guard (1...60_000).contains(nodes) else {
            throw ValidationError("--nodes: expected 1 to 60000, found \(nodes)")
        }
        for (name, value) in [("loss", loss), ("duplicate", duplicate), ("reorder", reorder), ("reset", reset)]
        where !(0...90).contains(value) {
            throw ValidationError("--\(name): expected 0 to 90 per cent, found \(value)")
        }
        guard (8...65_464).contains(blksize), (1...64).contains(windowsize) else {
            throw ValidationError("expected --blksize 8 to 65464 and --windowsize 1 to 64")
        }
        guard rate >= 0, restarts >= 0, patience > 0 else {
            throw ValidationError("--rate, --restarts and --patience are not negative")
        }
        for pair in expect where pair.split(separator: "=").count != 2 {
            throw ValidationError("--expect: expected FILE=SHA256, found '\(pair)'")
        }
    }

    func run() throws {
        var expected: [String: String] = [:]
        for pair in expect {
            let words = pair.split(separator: "=")
            expected[String(words[0])] = String(words[1])
        }
        let settings = StormSettings(
            interface: interface, nodes: nodes, firmware: firmware, rate: rate, loss: loss / 100,
            duplication: duplicate / 100, reordering: reorder / 100, resets: reset / 100, blockSize: blksize,
            windowSize: windowsize, restarts: restarts, seed: seed, patience: .seconds(patience), expected: expected)
        let terminal = Terminal()
        terminal.message(
            "\(nodes) virtual nodes on \(interface) alone; it answers to their addresses until the end")
        let report = try Storm(settings, say: { terminal.message($0) }).run()
        if json {
            terminal.result(try encodeJSON(report))
        } else {
            for line in report.lines { terminal.result(line) }
        }
        if report.booted < report.nodes || report.wrongContents > 0 { throw ExitCode(1) }
    }
}
