import Foundation
import SystemPackage

/// A login of apt's for a mirror: one `machine` of `auth.conf` (apt_auth.conf(5)).
public struct MirrorCredential: Sendable, Equatable {
    /// `http`, `https` …; nil where the entry names none, which means https.
    var scheme: String?
    var host: String
    /// Nil is any.
    var port: Int?
    /// With its leading slash; an address must begin with it.
    var path: String
    public var login: String
    public var password: String

    /// Whether the entry is meant for an address.
    public func isFor(_ url: String) -> Bool {
        guard let address = Address(url), address.scheme == scheme ?? "https" else { return false }
        return address.host == host && (port == nil || port == address.port) && address.path.hasPrefix(path)
    }

    /// The entries of one file, which has netrc's form: words, in any lines; `#` begins a comment.
    static func parse(_ text: String) -> [MirrorCredential] {
        let words = text.split(separator: "\n").flatMap { line -> [Substring] in
            let words = line.split(whereSeparator: \.isWhitespace)
            return Array(words.prefix { !$0.hasPrefix("#") })
        }
        var found: [MirrorCredential] = []
        var index = words.startIndex
        while index + 1 < words.endIndex {
            let (key, value) = (words[index], String(words[index + 1]))
            index += 2
            switch key {
            case "machine":
                let hasScheme = value.contains("://")
                guard let address = Address(hasScheme ? value : "https://\(value)") else { continue }
                found.append(
                    MirrorCredential(
                        scheme: hasScheme ? address.scheme : nil, host: address.host, port: address.port,
                        path: address.path, login: "", password: ""))
            case "login" where !found.isEmpty: found[found.count - 1].login = value
            case "password" where !found.isEmpty: found[found.count - 1].password = value
            // A word that nobody knows stands alone.
            default: index -= 1
            }
        }
        return found.filter { !$0.login.isEmpty }
    }

    /// What the host's apt has, in its order; files that this user may not read are passed over, as apt does.
    static func ofHost() async throws(LockingError) -> [MirrorCredential] {
        let named = try await AptProgram.run(
            "apt-config", ["shell", "NETRC", "Dir::Etc::netrc/f", "PARTS", "Dir::Etc::netrcparts/d"])
        var files: [String] = []
        for line in named.output.split(separator: "\n") {
            guard let mark = line.firstIndex(of: "=") else { continue }
            let path = line[line.index(after: mark)...].trimmingCharacters(in: CharacterSet(charactersIn: "'"))
            if line.hasPrefix("NETRC") {
                files.append(path)
            } else {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
                files += names.filter { $0.hasSuffix(".conf") }.sorted().map { FilePath(path).appending($0).string }
            }
        }
        return files.flatMap { file in
            (try? String(contentsOfFile: file, encoding: .utf8)).map(parse) ?? []
        }
    }

    /// The parts of `scheme://[user@]host[:port]/path` that matter here.
    private struct Address {
        var scheme: String
        var host: String
        var port: Int?
        var path: String

        init?(_ text: String) {
            guard let mark = text.range(of: "://") else { return nil }
            scheme = text[..<mark.lowerBound].lowercased()
            let rest = text[mark.upperBound...]
            path = String(rest.drop { $0 != "/" })
            var authority = rest.prefix { $0 != "/" }
            if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
            // An IPv6 address has its colons in brackets.
            if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
                port = Int(authority[authority.index(after: colon)...])
                authority = authority[..<colon]
            }
            host = authority.lowercased()
            if host.isEmpty { return nil }
        }
    }
}
