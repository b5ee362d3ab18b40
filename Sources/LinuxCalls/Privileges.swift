import CLinuxCalls
import Diagnostics
import Glibc
import SystemPackage

/// What a server gives away once its sockets are open.
public enum Privileges {
    /// An account of this host.
    public struct User: Sendable, Equatable {
        public var name: String
        public var number: UInt32
        public var group: UInt32

        public init(name: String, number: UInt32, group: UInt32) {
            self.name = name
            self.number = number
            self.group = group
        }
    }

    /// The process may still do what root may.
    public static var isRoot: Bool { geteuid() == 0 }

    /// Who this process is.
    public static var current: User { User(name: name(of: geteuid()), number: geteuid(), group: getegid()) }

    /// An account by name; nil where there is none.
    public static func user(named name: String) throws(NetworkCallError) -> User? {
        var number: UInt32 = 0
        var group: UInt32 = 0
        let result = bf_find_user(name, &number, &group)
        if result == -ENOENT { return nil }
        try NetworkCallError.check(result, "user \"\(name)\"", "cannot be looked up")
        return User(name: name, number: number, group: group)
    }

    /// Who owns a folder; nil where it is not there.
    public static func owner(of folder: FilePath) -> User? {
        var facts = stat()
        guard folder.withPlatformString({ stat($0, &facts) }) == 0 else { return nil }
        return User(name: name(of: facts.st_uid), number: facts.st_uid, group: facts.st_gid)
    }

    private static func name(of number: UInt32) -> String {
        var name = [CChar](repeating: 0, count: 64)
        guard bf_name_user(number, &name, UInt32(name.count)) == 0 else { return "\(number)" }
        return name.withUnsafeBufferPointer { $0.baseAddress.map(String.init(cString:)) ?? "\(number)" }
    }

    /// As root: why a user could not read a file, or list a folder; nil where it can. The kernel is asked as that user.
    public static func refusal(of user: User, toRead path: FilePath) -> Errno? {
        let result = path.withPlatformString { bf_may_read(user.number, user.group, $0) }
        return result == 0 ? nil : Errno(rawValue: -result)
    }

    /// Gives a folder and what lies in it to a user, who will write there; made where it is missing. No link is followed.
    public static func give(_ folder: FilePath, to user: User) throws(NetworkCallError) {
        let result = folder.withPlatformString { bf_give_folder($0, user.number, user.group) }
        try NetworkCallError.check(result, folder.string, "cannot be given to \(user.name)")
    }

    /// Every thread becomes the user (nil: stays who it is), without other groups and without capabilities, and none can go
    /// back: no_new_privs, and no call that a server has no use for (starting programs, mounting, tracing, namespaces).
    public static func giveUp(becoming user: User?) throws(NetworkCallError) {
        try NetworkCallError.check(
            bf_give_up(user?.number ?? UInt32.max, user?.group ?? UInt32.max),
            user.map { "user \"\($0.name)\"" } ?? "this process", "a thread kept what all were to give up")
        try NetworkCallError.check(bf_restrict_calls(), "this process", "cannot give up system calls")
    }
}
