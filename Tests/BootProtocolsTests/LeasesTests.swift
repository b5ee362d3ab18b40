import Foundation
import Testing

@testable import BootProtocols

@Suite struct LeasesTests {
    static let range = IPv4Address(value: 0x0a4d_0064)...IPv4Address(value: 0x0a4d_0067)
    static func node(_ number: UInt8) -> MACAddress { MACAddress(bytes: [2, 0, 0, 0, 0, number])! }

    @Test func `a client keeps its address through offers, renewals and expiry`() {
        var leases = Leases(range: Self.range)
        let first = leases.offer(to: Self.node(1), requested: nil, excluding: [], now: 0)!
        #expect(leases.offer(to: Self.node(1), requested: nil, excluding: [], now: 5) == first)
        #expect(leases.bind(first, to: Self.node(1), seconds: 100, now: 6) == true)
        #expect(leases.bind(first, to: Self.node(1), seconds: 100, now: 50) == true)
        #expect(leases.lease(of: Self.node(1), now: 149)?.address == first)
        #expect(leases.lease(of: Self.node(1), now: 150) == nil)
        #expect(leases.offer(to: Self.node(1), requested: nil, excluding: [], now: 999) == first)
    }

    @Test func `a database is written as JSONEncoder writes it`() throws {
        var leases = Leases(range: Self.range)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        #expect(try RememberedLeases([]).json == Array(encoder.encode(RememberedLeases([]))))
        for number in [1, 0xab, 0xff] as [UInt8] {
            let address = leases.offer(to: Self.node(number), requested: nil, excluding: [], now: 10)!
            if number > 1 { _ = leases.bind(address, to: Self.node(number), seconds: 1_795_390_000, now: 0) }
            if number == 0xff { leases.decline(address, by: Self.node(number), now: 7) }
        }
        #expect(leases.leases.count == 3)
        var remembered = RememberedLeases(leases.leases)
        #expect(try remembered.json == Array(encoder.encode(remembered)))
        remembered.version = nil
        #expect(try remembered.json == Array(encoder.encode(remembered)))
    }

    @Test func `two clients never share, and a full range gives nothing`() {
        var leases = Leases(range: Self.range)
        var given: Set<IPv4Address> = []
        for number in 1...4 as ClosedRange<UInt8> {
            let address = leases.offer(to: Self.node(number), requested: nil, excluding: [], now: 0)!
            #expect(given.insert(address).inserted)
            #expect(leases.bind(address, to: Self.node(number), seconds: 100, now: 1) == true)
        }
        #expect(leases.offer(to: Self.node(5), requested: nil, excluding: [], now: 2) == nil)
        #expect(leases.bind(Self.range.lowerBound, to: Self.node(5), seconds: 100, now: 2) == false)
        #expect(leases.offer(to: Self.node(5), requested: nil, excluding: [], now: 200) != nil)
    }

    @Test func `a requested address is given when it is free and in the range`() {
        var leases = Leases(range: Self.range)
        #expect(
            leases.offer(to: Self.node(1), requested: Self.range.upperBound, excluding: [], now: 0)
                == Self.range.upperBound)
        let other = leases.offer(to: Self.node(2), requested: Self.range.upperBound, excluding: [], now: 0)
        #expect(other != nil && other != Self.range.upperBound)
        #expect(
            leases.offer(to: Self.node(3), requested: IPv4Address("1.2.3.4"), excluding: [], now: 0)
                != IPv4Address("1.2.3.4"))
    }

    @Test func `a declined address is left alone for a while`() {
        var leases = Leases(range: Self.range.lowerBound...Self.range.lowerBound)
        let only = leases.offer(to: Self.node(1), requested: nil, excluding: [], now: 0)!
        #expect(leases.bind(only, to: Self.node(1), seconds: 100, now: 0) == true)
        leases.decline(only, by: Self.node(1), now: 10)
        #expect(leases.offer(to: Self.node(1), requested: only, excluding: [], now: 11) == nil)
        #expect(leases.bind(only, to: Self.node(1), seconds: 100, now: 11) == false)
        #expect(leases.offer(to: Self.node(1), requested: nil, excluding: [], now: 700) == only)
    }

    @Test func `a stranger cannot release or decline another's lease`() {
        var leases = Leases(range: Self.range)
        let address = leases.offer(to: Self.node(1), requested: nil, excluding: [], now: 0)!
        #expect(leases.bind(address, to: Self.node(1), seconds: 100, now: 0) == true)
        leases.release(address, by: Self.node(2), now: 1)
        leases.decline(address, by: Self.node(2), now: 1)
        #expect(leases.lease(of: Self.node(1), now: 2)?.state == .bound)
        leases.release(address, by: Self.node(1), now: 3)
        #expect(leases.lease(of: Self.node(1), now: 4) == nil)
    }

    @Test func `leases survive being written, and fit themselves into another range`() throws {
        var leases = Leases(range: Self.range)
        for number in 1...3 as ClosedRange<UInt8> {
            let address = leases.offer(to: Self.node(number), requested: nil, excluding: [], now: 0)!
            #expect(leases.bind(address, to: Self.node(number), seconds: 100, now: 0) == true)
        }
        let read = try JSONDecoder().decode(
            RememberedLeases.self, from: JSONEncoder().encode(RememberedLeases(leases.leases)))
        var again = Leases(range: Self.range)
        again.adopt(read.leases)
        #expect(again == leases)
        var smaller = Leases(range: Self.range.lowerBound...Self.range.lowerBound)
        smaller.adopt(read.leases)
        #expect(smaller.leases.allSatisfy { $0.address == Self.range.lowerBound })
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(RememberedLeases.self, from: Data(#"{"leases":[{"address":"x"}]}"#.utf8))
        }
    }
}

@Suite struct RouterDiscoveryTests {
    @Test func `an advertisement says there is no router and who speaks`() {
        let mac = MACAddress("52:54:00:12:34:56")!
        #expect(
            RouterDiscovery.advertisement(from: mac)
                == [134, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56])
    }

    @Test func `solicitations are read with or without a sender's address, and nothing else is`() {
        let bare: [UInt8] = [133, 0, 1, 2, 0, 0, 0, 0]
        let named = bare + [1, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56]
        #expect(RouterDiscovery.readSolicitation(bare).packet == .some(nil))
        #expect(RouterDiscovery.readSolicitation(named).packet == MACAddress("52:54:00:12:34:56"))
        for wrong in [
            [], Array(bare.dropLast()), [134] + bare.dropFirst(), Array(named.dropLast()),
            bare + [1, 0, 0, 0, 0, 0, 0, 0],
        ] {
            #expect(RouterDiscovery.readSolicitation(wrong).packet == nil)
        }
    }
}
