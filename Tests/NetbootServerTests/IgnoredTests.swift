import Testing

@testable import NetbootServer

@Suite struct IgnoredTests {
    @Test func `what is malformed is counted by reason, in bounded memory`() {
        var ignored = IgnoredPackets()
        for number in 0..<1000 { ignored.count(.tftp, "operation \(number) is not one of TFTP's six") }
        ignored.count(.dhcp, "1 bytes is too short")
        #expect(ignored.counts.count <= IgnoredPackets.mostReasons + 3)
        #expect(ignored.counts.values.reduce(0, +) == 1001)
        #expect(ignored.counts[.init(transport: .tftp, reason: "operation 7 is not one of TFTP's six")] == 1)
    }

    @Test func `a client may ask so often, and another is not touched by it`() {
        var rates = RequestRates()
        let admitted = (0..<1000).count { _ in rates.admits(1, perSecond: 100, now: .zero) }
        #expect(admitted == 200)
        let other = rates.admits(2, perSecond: 100, now: .zero)
        let soon = rates.admits(1, perSecond: 100, now: .milliseconds(1))
        let later = rates.admits(1, perSecond: 100, now: .seconds(1))
        #expect(other && !soon && later)
    }
}
