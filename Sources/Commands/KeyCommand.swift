import ArgumentParser
import Carrying
import StoreModel

/// `bootferry key`: who signs media here, and whose are taken.
struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "The keys that sign what is carried by hand, and those that are trusted.",
        discussion: """
            Ed25519 keys in Nix's format, NAME:BASE64, so that a real nix checks the same signatures: give it the public key
            as 'trusted-public-keys'. They lie in 'keys' of the state directory, readable by its owner alone.

              bootferry key generate example.org-1          # where systems are made; prints the public key
              bootferry key trust example.org-1:kVt3…       # at the site, once, from paper or by telephone
            """,
        subcommands: [
            KeyGenerateCommand.self, KeyTrustCommand.self, KeyListCommand.self, KeyRevokeCommand.self,
        ])
}

private func keyStore(_ options: WorkspaceOptions) throws -> KeyStore {
    // Opened, so that the state directory is there.
    KeyStore(try Workspace.openStore(options).directory)
}

private struct KeyReport: Encodable {
    var name: String
    var publicKey: String
    /// Whether this site can sign with it.
    var isOwn: Bool
    var isTrusted: Bool

    init(_ key: PublicKey, isOwn: Bool, isTrusted: Bool) {
        name = key.name
        publicKey = key.description
        self.isOwn = isOwn
        self.isTrusted = isTrusted
    }
}

/// `bootferry key generate`.
struct KeyGenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Make a key to sign with, and print its public half.")

    @Argument(help: "Its name: letters, digits and '.-_+', such as example.org-1.")
    var name: String
    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        var random = SystemRandomNumberGenerator()
        let seed = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let key = try keyStore(options).generate(name, seed: seed)
        let terminal = Terminal(quiet: options.quiet)
        if options.json {
            return terminal.result(try encodeJSON(KeyReport(key, isOwn: true, isTrusted: true)))
        }
        terminal.result(key.description)
        terminal.message("at each site that shall take what it signs: bootferry key trust \(key)")
    }
}

/// `bootferry key trust`.
struct KeyTrustCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust", abstract: "Take what this key signs.",
        discussion:
            "Whoever holds the secret half can then bring any system into this store. A second time changes nothing.")

    @Argument(help: ArgumentHelp("The public key.", valueName: "name:base64"))
    var key: String
    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let key: PublicKey
        do {
            key = try PublicKey(parsing: self.key)
        } catch {
            throw CommandError(
                kind: .usage, subject: "'\(self.key.prefix(200))'", message: "is no public key",
                cause: error.description,
                remedy: "copy the whole line that 'bootferry key list' prints where the key was made")
        }
        try keyStore(options).trust(key)
        let terminal = Terminal(quiet: options.quiet)
        if options.json {
            let own = try keyStore(options).ownNames().contains(key.name)
            return terminal.result(try encodeJSON(KeyReport(key, isOwn: own, isTrusted: true)))
        }
        terminal.message("'\(key.name)' is trusted")
    }
}

/// `bootferry key list`.
struct KeyListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the keys, and what each is good for.")

    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let store = try keyStore(options)
        let ring = try store.ring()
        let own = Set(try store.ownNames())
        let trusted = ring.trusted.values.sorted { $0.name < $1.name }.map {
            KeyReport($0, isOwn: own.contains($0.name), isTrusted: true)
        }
        let revoked = ring.revoked.values.flatMap(\.self).sorted { $0.description < $1.description }.map {
            KeyReport($0, isOwn: false, isTrusted: false)
        }
        let terminal = Terminal(quiet: options.quiet)
        if options.json { return terminal.result(try encodeJSON(trusted + revoked)) }
        for key in trusted + revoked {
            terminal.result("\(key.publicKey)  \(key.isOwn ? "signs here" : key.isTrusted ? "trusted" : "revoked")")
        }
        if trusted.isEmpty { terminal.message("no keys yet; 'bootferry key generate' makes one") }
    }
}

/// `bootferry key revoke`.
struct KeyRevokeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Take nothing more that this key signs.",
        discussion: """
            The secret half, if it is here, is removed. What was imported stays. A key that was revoked is never trusted
            again, so that an old note cannot bring it back; other sites must be told by other means.
            """)

    @Argument(help: "Its name.")
    var name: String
    @OptionGroup var options: WorkspaceOptions

    func run() throws {
        let key = try keyStore(options).revoke(name)
        let terminal = Terminal(quiet: options.quiet)
        if options.json {
            return terminal.result(try encodeJSON(KeyReport(key, isOwn: false, isTrusted: false)))
        }
        terminal.message("'\(name)' is trusted no longer")
    }
}
