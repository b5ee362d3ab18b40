import ArgumentParser
import Foundation
import Proofs

/// `bootferry licenses`: under what licences a generation's packages are.
struct LicensesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "licenses", abstract: "List the licences of what a generation has in it.",
        discussion: """
            One package a line, with its licences in SPDX's words. What stands as 'LicenseRef-…' is Debian's or the package's own
            word; '--texts' prints what is behind each. What has no licence of its own ('-') Bootferry made of the configuration.

              bootferry licenses lab-node
              bootferry licenses lab-node --texts
            """)

    @OptionGroup var which: GenerationOptions
    @Flag(help: "The texts behind 'LicenseRef-…', too.")
    var texts = false

    struct Row: Encodable {
        var name: String
        var version: String
        /// Nil where nothing is known.
        var licence: String?
        /// The text behind each `LicenseRef-`.
        var texts: [String: String]?
    }

    func run() async throws {
        let image = try which.image()
        let bill = try await image.bill(image.buildRecord()).limited(to: .runtime)
        let rows = bill.components.map {
            Row(
                name: $0.name, version: $0.version, licence: $0.licence.expression,
                texts: texts ? $0.licence.texts : nil)
        }
        let terminal = Terminal()
        if which.options.json { return terminal.result(try encodeJSON(rows)) }
        let width = rows.map(\.name.count).max() ?? 0
        for row in rows {
            let name = row.name + String(repeating: " ", count: width - row.name.count)
            terminal.result("\(name)  \(row.licence ?? "-")")
        }
        guard texts else { return }
        for (reference, text) in bill.licenceTexts { terminal.result("\n=== \(reference)\n\(text)") }
    }
}
