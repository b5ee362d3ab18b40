import Building
import Diagnostics
import SystemModel

/// The four account files (passwd(5), group(5), shadow(5), gshadow(5)) with what a configuration adds.
struct Accounts {
    /// Lines split at their colons, in the files' order.
    private var passwd: [[String]]
    private var group: [[String]]
    private var shadow: [[String]]
    private var gshadow: [[String]]

    /// Days since 1970 of the last password change: constant, and never "must be changed".
    private static let lastChange = String(SegmentWriter.epoch / 86400)

    init(passwd: String, group: String, shadow: String, gshadow: String) {
        func lines(_ text: String) -> [[String]] {
            text.split(separator: "\n").map {
                $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            }
        }
        self.passwd = lines(passwd).filter { $0.count == 7 }
        self.group = lines(group).filter { $0.count == 4 }
        self.shadow = lines(shadow).filter { $0.count >= 2 }
        self.gshadow = lines(gshadow).filter { $0.count == 4 }
    }

    /// File name below `etc` -> contents.
    var files: [(name: String, text: String, permissions: UInt32, group: UInt32)] {
        func text(_ lines: [[String]]) -> String { lines.map { $0.joined(separator: ":") + "\n" }.joined() }
        let shadowGroup = (try? groupNumber("shadow")) ?? 0
        return [
            ("passwd", text(passwd), 0o644, 0), ("group", text(group), 0o644, 0),
            ("shadow", text(shadow), 0o640, shadowGroup), ("gshadow", text(gshadow), 0o640, shadowGroup),
        ]
    }

    func userNumber(_ name: String) throws -> UInt32 { try number(of: name, in: passwd, "user") }

    func groupNumber(_ name: String) throws -> UInt32 { try number(of: name, in: group, "group") }

    /// The primary group of a user that exists.
    func primaryGroup(of name: String) throws -> UInt32 {
        try passwd.first { $0[0] == name }.flatMap { UInt32($0[3]) } ?? groupNumber(name)
    }

    /// Adds or changes one account.
    mutating func set(_ user: UserAccount) throws {
        if let at = passwd.firstIndex(where: { $0[0] == user.name }) {
            passwd[at][5] = user.home
            passwd[at][6] = user.shell
            if let uid = user.uid, passwd[at][2] != String(uid) {
                throw BuildError(
                    kind: .usage, subject: user.name,
                    message: "is user \(passwd[at][2]) in the packages' own accounts, not \(uid)")
            }
        } else {
            try add(user)
        }
        let hash = user.passwordHash ?? "*"
        if let at = shadow.firstIndex(where: { $0[0] == user.name }) {
            if user.passwordHash != nil { shadow[at][1] = hash }
        } else {
            shadow.append([user.name, hash, Self.lastChange, "0", "99999", "7", "", "", ""])
        }
        for name in user.groups {
            _ = try groupNumber(name)
            for at in group.indices where group[at][0] == name { Self.addMember(user.name, to: &group[at][3]) }
            for at in gshadow.indices where gshadow[at][0] == name { Self.addMember(user.name, to: &gshadow[at][3]) }
        }
    }

    private mutating func add(_ user: UserAccount) throws {
        let uid = user.uid ?? nextFree(passwd)
        if let other = passwd.first(where: { $0[2] == String(uid) }) {
            throw BuildError(
                kind: .usage, subject: user.name, message: "has the number \(uid), which '\(other[0])' has")
        }
        let gid: Int
        if let own = group.first(where: { $0[0] == user.name }), let number = Int(own[2]) {
            gid = number
        } else {
            gid = group.contains { $0[2] == String(uid) } ? nextFree(group) : uid
            group.append([user.name, "x", String(gid), ""])
            gshadow.append([user.name, "!", "", ""])
        }
        passwd.append([user.name, "x", String(uid), String(gid), "", user.home, user.shell])
    }

    private func nextFree(_ lines: [[String]]) -> Int {
        let taken = Set(lines.compactMap { Int($0[2]) })
        return (1000..<60000).first { !taken.contains($0) } ?? 60000
    }

    private static func addMember(_ name: String, to members: inout String) {
        if members.split(separator: ",").contains(Substring(name)) { return }
        members += members.isEmpty ? name : ",\(name)"
    }

    private func number(of name: String, in lines: [[String]], _ kind: String) throws -> UInt32 {
        if let found = lines.first(where: { $0[0] == name }), let number = UInt32(found[2]) { return number }
        let near = nearestSpelling(to: name, among: lines.map { $0[0] })
        throw BuildError(
            kind: .usage, subject: name, message: "is no \(kind) of the configured system",
            remedy: near.map { "did you mean '\($0)'?" } ?? "add it, or the package that makes it")
    }
}
