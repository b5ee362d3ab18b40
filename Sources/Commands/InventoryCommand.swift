import ArgumentParser
import Carrying
import Foundation
import LocalStore
import MediumModel
import SystemPackage

/// `bootferry inventory`: what a site has, for the next export.
struct InventoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inventory",
        abstract: "Write a signed list of what is here, so that the next export leaves it out.",
        discussion: """
            Listed is what 'gc' would keep. It needs a key of this site's own, which must be trusted where systems are made.

              bootferry inventory --to /media/stick                                     # at the site
              bootferry export lab-node --to /media/stick --since /media/stick/inventory   # at home
            """)

    @Option(help: ArgumentHelp("A folder, for a file 'inventory' in it, or the file.", valueName: "folder"))
    var to: String
    @Option(help: ArgumentHelp("Days after which it is not believed any more.", valueName: "days"))
    var validDays = 180
    @Option(help: ArgumentHelp("The key to sign with; the only one there is by default.", valueName: "name"))
    var key: String?
    @OptionGroup var options: WorkspaceOptions

    struct Report: Encodable {
        var file: String
        var objects: Int
        var expires: Int
        var key: String
    }

    func validate() throws {
        if !(1...3650).contains(validDays) {
            throw ValidationError("--valid-days takes 1 to 3650, found '\(validDays)'")
        }
    }

    func run() throws {
        let store = try Workspace.openStore(options)
        let signer = try KeyStore(store.directory).signingKey(key)
        var file = mediumFolder(to)
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: file.string, isDirectory: &isFolder), isFolder.boolValue {
            file.append(Inventory.fileName)
        }
        let inventory = try InventoryFile.write(
            to: file, of: store, by: signer, now: secondsSince1970(), validSeconds: validDays * 86_400)
        let terminal = Terminal(quiet: options.quiet)
        let report = Report(
            file: file.string, objects: inventory.paths.count, expires: inventory.expires, key: signer.name)
        terminal.result(
            options.json
                ? try encodeJSON(report) : "\(file): \(report.objects) objects, signed by '\(report.key)'")
    }
}
