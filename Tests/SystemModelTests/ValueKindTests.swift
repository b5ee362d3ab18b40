import Testing

@testable import SystemModel

@Suite struct ValueKindTests {
    static let key = "AAAAC3NzaC1lZDI1NTE5AAAAIMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJlw"
    static let cases: [(TextKind, accepted: [String], refused: [String])] = [
        (.packageName, ["g++", "libc6", "0ad", "x.y-z"], ["a", "", "Vim", "vim_tiny", "-x", "a b", "ä1"]),
        (
            .hostname, ["a", "Node-1.example.org", "1"],
            ["-a", "a-", "a..b", ".a", "a.", "a_b", "", String(repeating: "a", count: 64), "ü"]
        ),
        (.accountName, ["root", "_apt", "a-b"], ["Root", "0a", "a b", "", String(repeating: "a", count: 33)]),
        (.mode, ["0644", "755", "7777"], ["0888", "44", "00644", "rw", ""]),
        (
            .absolutePath, ["/etc/motd", "/a.b/..c", "/a b"],
            ["etc", "/", "/a/", "/a//b", "/a/../b", "/a/.", "/..", "/a\nb", ""]
        ),
        (
            .passwordHash, ["!", "*", "$y$j9T$abc$def", "$6$salt$x/y."],
            ["secret", "", "$", "$6$a:b", "$6$a b", "!!", "$6$a\nb"]
        ),
        (
            .sshKey,
            ["ssh-ed25519 \(key)", "ssh-ed25519 \(key) me", "restrict,command=\"a b\" ssh-ed25519 \(key) me"],
            [
                "ssh-ed25519", "ssh-ed25519 AAAA", "\(key)", "ssh-foo \(key)", "ssh-ed25519 \(key)\nx",
                "ssh-ed25519 \(key)!",
            ]
        ),
        (
            .addressWithPrefix, ["192.0.2.1/24", "0.0.0.0/0", "2001:db8::1/64", "::/0", "::ffff:192.0.2.1/128"],
            [
                "192.0.2.1", "192.0.2.1/33", "192.0.2/24", "192.0.2.256/24", "192.0.2.01/24", "::1/129", "1::2::3/64",
                ":::/0", "::1/+4", "::1/", "/24",
            ]
        ),
        (
            .address, ["192.0.2.1", "::", "1:2:3:4:5:6:7:8", "fe80::1"],
            [
                "1.2.3", "1:2:3", "1:2:3:4:5:6:7:8:9", "g::1", "12345::", "::1%eth0", "1.2.3.4.5", "1:2:3:4:5:6:7::8:9",
                "-1.2.3.4",
            ]
        ),
        (
            .timeZone, ["Etc/UTC", "Europe/Zurich", "America/Argentina/Ushuaia", "Etc/GMT+5"],
            ["../x", "/x", "a//b", "", "a b", "Etc/"]
        ),
        (
            .memory, ["1 GiB", "512 MiB", "2GiB"],
            ["1 GB", "1024", "0 MiB", "-1 GiB", "1.5 GiB", "99999999 GiB", "1  GiB", "01 GiB"]
        ),
        (.kernelParameter, ["quiet", "console=ttyS0,115200", "a=\"b c\""], ["a b", "", "a\"b", "ä", "a\nb"]),
        (.userNumber, ["0", "1000", "60000"], ["-1", "60001", "01", "0x10", "1e3", "", "99999999999999999999"]),
        (.unitName, ["ssh", "getty@tty1.service", "a-b.timer"], ["", "../x", "a b", "-x", "x/y"]),
        (.component, ["main", "non-free-firmware"], ["Main", ""]),
        (.interface, ["eth0", "en*", "52:54:00:12:34:56"], ["", "eth 0", "-", "a\nb", "[Match]"]),
    ]

    @Test(arguments: cases.indices)
    func `a kind of text accepts what it should, and its pattern agrees`(index: Int) throws {
        let (kind, accepted, refused) = Self.cases[index]
        let pattern = try kind.pattern.map { try Regex($0) }
        for text in accepted {
            #expect(kind.accepts(text), "\(kind.noun): \(text)")
            if let pattern { #expect(text.firstMatch(of: pattern) != nil, "\(kind.noun): \(text) against the pattern") }
        }
        for text in refused { #expect(!kind.accepts(text), "\(kind.noun): \(text)") }
    }

    @Test func `addresses become the bytes they stand for`() {
        #expect(InternetAddress("192.0.2.1")?.bytes == [192, 0, 2, 1])
        #expect(InternetAddress("::ffff:192.0.2.1")?.bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, 1])
        #expect(InternetAddress("2001:db8::a:b")?.bytes == [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10, 0, 11])
        #expect(InternetAddress("1:2:3:4:5:6:7::")?.bytes.suffix(4) == [0, 7, 0, 0])
    }

    @Test func `paths are joined by their text`() {
        #expect(joined("a/b", "../c/./d") == "a/c/d")
        #expect(joined("", "../x") == "../x")
        #expect(joined("a", "/x/../y") == "/y")
        #expect(joined("/", "../../x") == "/x")
        #expect(folder(of: "/x") == "/")
        #expect(folder(of: "x") == "")
    }
}
