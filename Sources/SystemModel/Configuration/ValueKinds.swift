import StoreModel

/// The kinds of text that system and platform files hold.
extension TextKind {
    static let systemName = TextKind(
        "a system name", detail: "1 to 63 lower-case letters, digits and `-`",
        .characters(first: "a-z0-9", rest: "a-z0-9-", length: 1...63))
    static let platformName = TextKind(
        "a platform name", detail: "such as `x86_64`", .characters(first: "a-z0-9", rest: "a-z0-9_-", length: 1...63))
    static let suite = TextKind(
        "a Debian code name", detail: "such as `trixie`", .characters(first: "a-z", rest: "a-z0-9-", length: 2...63))
    static let component = TextKind(
        "an archive component", .choice(["main", "contrib", "non-free", "non-free-firmware"]))
    /// Debian Policy 5.6.1.
    static let packageName = TextKind(
        "a package name", detail: "lower-case letters, digits, `+`, `-`, `.`",
        .characters(first: "a-z0-9", rest: "a-z0-9+.-", length: 2...128))
    static let storePath = TextKind(
        "a Nix store path", detail: "`/nix/store/HASH-NAME`, of no file inside",
        .checked(pattern: "^/nix/store/[0-9abcdfghijklmnpqrsvwxyz]{32}-[0-9A-Za-z+._?=-]{1,211}$") {
            (try? StorePath(parsing: $0)) != nil
        })
    static let kernelParameter = TextKind(
        "a kernel parameter", detail: "one word; spaces only between double quotes",
        .checked(pattern: #"^([!#-~]|"[ !#-~]*"){1,1024}$"#, isKernelParameter))
    /// RFC 1123 section 2.1, and Linux's limit of 64 bytes.
    static let hostname = TextKind(
        "a host name", detail: "letters, digits and `-`, labels of at most 63, 64 in all",
        .checked(
            pattern: "^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
                + #"(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$"#, isHostname))
    /// What Debian's adduser accepts.
    static let accountName = TextKind(
        "an account name", detail: "1 to 32 lower-case letters, digits, `_`, `-`",
        .characters(first: "a-z_", rest: "a-z0-9_-", length: 1...32))
    /// crypt(5).
    static let passwordHash = TextKind(
        "a password hash", detail: "beginning with `$`, as `mkpasswd` prints it; `!` or `*` lock the password",
        isSecret: true,
        .checked(pattern: #"^(\$[!-9;-~]{3,510}|!|\*)$"#, isPasswordHash))
    static let sshKey = TextKind(
        "an SSH public key", detail: "a line of authorized_keys: `ssh-ed25519 AAAA… comment`",
        .checked(pattern: "(^| )(ssh-|ecdsa-sha2-|sk-)[a-z0-9@.-]+ AAAA[A-Za-z0-9+/]+=*( |$)", isSSHKey))
    static let userNumber = TextKind("a user number", .integer(0...60000))
    static let unitName = TextKind(
        "a systemd unit name", detail: "such as `ssh.service`; without a suffix a service is meant",
        .characters(first: "A-Za-z0-9_", rest: "A-Za-z0-9:_.@-", length: 1...255))
    /// An absolute path without `.`, `..`, empty components, or a slash at its end.
    static let absolutePath = TextKind(
        "an absolute path", detail: "without `.`, `..`, `//` or a `/` at its end",
        .checked(pattern: #"^(/(?!\.{1,2}(/|$))[^/\u0000-\u001f\u007f]{1,255})+$"#, isAbsolutePath))
    static let relativePath = TextKind(
        "a relative path", detail: "without `.`, `..`, `//` or a `/` at its end",
        .checked(pattern: #"^(?!/)((^|/)(?!\.{1,2}(/|$))[^/\u0000-\u001f\u007f]{1,255})+$"#) {
            !$0.hasPrefix("/") && isAbsolutePath("/" + $0)
        })
    static let sourcePart = TextKind(
        "a part of a source", detail: "a relative path, or `.` for all of it",
        .checked(pattern: nil) { $0 == "." || relativePath.accepts($0) })
    /// A shell variable is named after it.
    static let recipeName = TextKind(
        "a recipe's name", detail: "lower-case letters, digits and `-`, a letter first",
        .characters(first: "a-z", rest: "a-z0-9-", length: 1...63))
    /// Letters, digits and what joins them: the grammar is SPDX's affair.
    static let licence = TextKind(
        "an SPDX licence expression", detail: "such as `MIT` or `GPL-2.0-only`",
        .characters(first: "A-Za-z0-9(", rest: "A-Za-z0-9 .+()-", length: 1...255))
    static let hostPath = TextKind(
        "a path", .checked(pattern: #"^[^\u0000-\u001f\u007f]{1,4095}$"#, isHostPath))
    static let anyText = TextKind("text", .checked(pattern: nil) { _ in true })
    static let mode = TextKind(
        "permission bits in octal", detail: "three or four digits from 0 to 7, such as `\"0644\"`",
        .characters(first: "0-7", rest: "0-7", length: 3...4))
    static let interface = TextKind(
        "an interface name", detail: "`eth0`, a pattern `en*`, or a MAC address",
        .characters(first: "A-Za-z0-9*", rest: "A-Za-z0-9*?:_.@-", length: 1...63))
    static let addressWithPrefix = TextKind(
        "an address in CIDR notation", detail: "such as `192.0.2.10/24`",
        .checked(pattern: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$") { InternetAddress(cidr: $0) != nil })
    static let address = TextKind(
        "an IP address", .checked(pattern: "^[0-9A-Fa-f:.]+$") { InternetAddress($0) != nil })
    static let timeZone = TextKind(
        "a time zone", detail: "a name under /usr/share/zoneinfo, such as `Europe/Zurich`",
        .checked(pattern: "^[A-Za-z0-9][A-Za-z0-9+_-]*(/[A-Za-z0-9][A-Za-z0-9+_-]*){0,3}$", isTimeZone))
    static let locale = TextKind(
        "a locale", detail: "such as `C.UTF-8` or `de_CH.UTF-8`",
        .characters(first: "A-Za-z", rest: "A-Za-z0-9_.@-", length: 1...63))
    static let keptExtra = TextKind("something to keep", .choice(KeptExtra.allCases.map(\.rawValue)))
    static let rootKind = TextKind("a kind of root", .choice(RootKind.allCases.map(\.rawValue)))
    static let memory = TextKind(
        "an amount of memory", detail: "a whole number and `MiB` or `GiB`, such as `1 GiB`",
        .checked(pattern: "^[1-9][0-9]{0,6} ?(MiB|GiB)$") { mebibytes(in: $0) != nil })
    static let version = TextKind("the version of the format", .integer(1...1))
}

private func isKernelParameter(_ text: String) -> Bool {
    var quoted = false
    for byte in text.utf8 {
        guard (0x21...0x7e).contains(byte) || (byte == 0x20 && quoted) else { return false }
        if byte == UInt8(ascii: "\"") { quoted.toggle() }
    }
    return !quoted && (1...1024).contains(text.utf8.count)
}

private func isHostname(_ text: String) -> Bool {
    guard (1...64).contains(text.utf8.count) else { return false }
    return text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
            && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }
}

private func isPasswordHash(_ text: String) -> Bool {
    if text == "!" || text == "*" { return true }
    return text.hasPrefix("$") && (4...511).contains(text.utf8.count)
        && text.utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != UInt8(ascii: ":") }
}

private func isSSHKey(_ text: String) -> Bool {
    let types: Set<Substring> = [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ]
    guard text.utf8.count <= 16384, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }) else { return false }
    let words = text.split(separator: " ")
    guard let index = words.firstIndex(where: types.contains), index + 1 < words.count else { return false }
    let blob = words[index + 1]
    // Every blob begins with a four-byte length below 256, which is `AAAA` in base64.
    return blob.hasPrefix("AAAA") && blob.utf8.count >= 68 && blob.utf8.count % 4 == 0
        && blob.trimmingSuffix("=").utf8.allSatisfy {
            isAlphanumeric($0) || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/")
        }
}

extension Substring {
    fileprivate func trimmingSuffix(_ character: Character) -> Substring {
        var rest = self
        while rest.last == character { rest.removeLast() }
        return rest
    }
}

private func isAbsolutePath(_ text: String) -> Bool {
    guard text.hasPrefix("/"), text.utf8.count <= 4095 else { return false }
    return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        (1...255).contains(part.utf8.count) && part != "." && part != ".." && !hasControls(part.utf8)
    }
}

private func isHostPath(_ text: String) -> Bool {
    (1...4095).contains(text.utf8.count) && !hasControls(text.utf8)
}

private func isTimeZone(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return (1...4).contains(parts.count)
        && parts.allSatisfy { part in
            guard let first = part.utf8.first, isAlphanumeric(first) else { return false }
            return part.utf8.allSatisfy { isAlphanumeric($0) || $0 == 0x2b || $0 == 0x2d || $0 == 0x5f }
        }
}

private func hasControls(_ bytes: some Sequence<UInt8>) -> Bool {
    bytes.contains { $0 < 0x20 || $0 == 0x7f }
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
    default: false
    }
}

/// MiB in a text such as `512 MiB` or `2GiB`; nil for anything else.
func mebibytes(in text: String) -> Int? {
    for (unit, factor) in [("MiB", 1), ("GiB", 1024)] where text.hasSuffix(unit) {
        var digits = text.dropLast(unit.count)
        if digits.last == " " { digits.removeLast() }
        guard (1...7).contains(digits.utf8.count), digits.first != "0",
            digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let number = Int(digits)
        else { return nil }
        return number * factor
    }
    return nil
}
