import BootProtocols
import Testing

@testable import BootPolicy

/// Each row of the table, by a timeline of its kind.
@Suite struct StopReasonTests {
    typealias Event = BootAttempt.Event

    static let address = IPv4Address("10.0.0.9")!
    static let asks = Event.discovered(client: "PXE (x64 UEFI)")
    static let leased = Event.leased(address: address)
    static func requested(_ file: String, _ port: Int) -> Event { .requested(file: file, transport: .tftp, port: port) }
    static func finished(_ file: String, _ transport: BootAttempt.Transport = .tftp) -> Event {
        .transferFinished(file: file, transport: transport, bytes: 70_000, seconds: 1)
    }
    static func stopped(
        _ file: String, _ bytes: Int, _ size: Int, _ reason: String, _ transport: BootAttempt.Transport = .tftp
    ) -> Event { .transferStopped(file: file, transport: transport, bytes: bytes, size: size, reason: reason) }

    static let cases: [(row: String, events: [Event], words: String)] = [
        (
            "answers do not arrive",
            [
                asks, leased, requested("snponly.efi", 1025), stopped("snponly.efi", 0, 9, "the client went silent"),
                requested("snponly.efi", 1026), stopped("snponly.efi", 0, 9, "the client went silent"),
            ],
            "PXE (x64 UEFI) asked for snponly.efi twice and gave up: the second request came from another port; "
                + "a firewall between?"
        ),
        (
            "answers do not arrive", [asks, leased, requested("a.efi", 1025), requested("a.efi", 1025)],
            "asked for a.efi twice and gave up: each time anew; a firewall between?"
        ),
        ("answers do not arrive", [asks, leased, requested("a.efi", 1025)], "our answer was not acknowledged"),
        (
            "HTTPS refused",
            [
                asks, .offered(address: address, bootFile: "https://a/b.efi"), leased,
                .secureConnectionFailed(reason: "unknown ca"),
            ],
            "it began HTTPS and broke off (unknown ca): does its firmware trust"
        ),
        (
            "knows its file, never asks", [asks, .offered(address: address, bootFile: "https://a/b.efi"), leased],
            "a firmware without HTTPS or an authority to trust, or a firewall"
        ),
        (
            "size only",
            [asks, leased, requested("s.efi", 1025), .sized(file: "s.efi", transport: .tftp, size: 300 << 20)],
            "asked for the size of s.efi, 300 MiB, and then not for the file"
        ),
        (
            "65,535 blocks", [asks, stopped("s.efi", 65_535 * 1468, 300 << 20, "the client gave up: error 0")],
            "stopped at block 65,535 of 1468 bytes"
        ),
        (
            "client went silent", [asks, stopped("s.efi", 5 << 20, 9 << 20, "the client went silent")],
            "s.efi by TFTP stopped after 5.0 MiB of 9.0 MiB: the client went silent, so a cable"
        ),
        (
            "too large for the client",
            [asks, stopped("initrd", 80 << 20, 200 << 20, "the client closed the connection", .http)],
            "too little memory"
        ),
        (
            "transfer stopped", [asks, stopped("kernel", 5, 9, "the client closed the connection", .http)],
            "kernel by HTTP stopped after 5 B of 9 B: the client closed the connection"
        ),
        (
            "transfer went silent", [asks, .transferProgress(file: "initrd", transport: .http, bytes: 8 << 20)],
            "initrd by HTTP went silent after 8.0 MiB"
        ),
        (
            "transfer went silent", [asks, .transferStarted(file: "k", transport: .tftp, size: 9)],
            "was begun and nothing more came back"
        ),
        ("script without kernel", [asks, finished("boot.ipxe", .http)], "never asked for the kernel"),
        (
            "iPXE cannot fetch its script",
            [asks, leased, finished("undionly.kpxe"), .discovered(client: "iPXE (x86 BIOS)"), leased],
            "never asked for its script: a firewall that drops HTTP?"
        ),
        (
            "asked for what is not there", [asks, .refused(file: "x", transport: .tftp)],
            "x by TFTP, which does not exist"
        ),
        ("loader does not run", [asks, leased, finished("snponly.efi")], "Secure Boot"),
        (
            "knows its file, never asks", [asks, .offered(address: address, bootFile: "boot/a/s.efi"), leased],
            "a firewall that drops TFTP (UDP 69)?"
        ),
        (
            "knows its file, never asks", [asks, .offered(address: nil, bootFile: "http://10.0.0.1/boot/a/s.efi")],
            "a firewall that drops HTTP?"
        ),
        ("offer not taken", [asks, .offered(address: address, bootFile: "f")], "another DHCP server"),
        ("nothing offered", [asks], "offered nothing"),
        ("delivered", [asks, leased, finished("s.efi")], "did not phone home"),
        (
            "secrets given", [asks, leased, finished("s.efi"), .secretsGiven(address: address, files: 2)],
            "fetched its secrets, but did not phone home"
        ),
    ]

    static func attempt(_ events: [Event]) -> BootAttempt {
        var attempt = BootAttempt(identifier: "a", node: Sample.node, system: "s", now: .seconds(1))
        for (second, event) in events.enumerated() { _ = attempt.record(event, now: .seconds(2 + second)) }
        return attempt
    }

    @Test(arguments: cases)
    func `a timeline of each kind has its reason`(row: String, events: [Event], words: String) {
        let attempt = Self.attempt(events)
        #expect(attempt.likelyReason.contains(words), "\(attempt.likelyReason)")
        let first = StopReason.table.first { $0.words(StopReason.Evidence(attempt)) != nil }
        #expect(first?.name == row)
    }

    @Test func `every row of the table is tried, and no name stands twice`() {
        let names = StopReason.table.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(Set(Self.cases.map(\.row)) == Set(names))
    }

    @Test func `what came through later makes good what stopped before`() {
        let attempt = Self.attempt([
            Self.asks, Self.leased, Self.stopped("snponly.efi", 512, 9000, "the client gave up: error 0"),
            Self.requested("snponly.efi", 7), Self.finished("snponly.efi"), .discovered(client: "iPXE (x64 UEFI)"),
            Self.leased, Self.finished("boot.ipxe", .http),
        ])
        #expect(attempt.likelyReason.contains("never asked for the kernel"), "\(attempt.likelyReason)")
    }
}
