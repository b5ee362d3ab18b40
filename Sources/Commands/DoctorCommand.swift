import ArgumentParser
import Foundation

/// `bootferry doctor`: what this host lacks.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this host lacks, and the command that installs it.",
        discussion: """
            Each line names what was looked for, the verbs that need it, and what to run. The exit status is 5 when
            something is missing; what only another platform than the default one needs may be absent.
            """)

    @Flag(help: "Print the findings as JSON.")
    var json = false
    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("The folder that holds targets/ and netboot/.", valueName: "folder"))
    var dataDirectory: String?

    struct Finding: Codable {
        var name: String
        var neededFor: [String]
        /// The only one that needs it.
        var platform: String?
        var isMet: Bool
        var remedy: String
    }

    func run() async throws {
        let terminal = Terminal()
        var findings: [Finding] = []
        for requirement in Requirement.all(try ProjectData(named: dataDirectory).platforms()) {
            findings.append(
                Finding(
                    name: requirement.name, neededFor: requirement.verbs, platform: requirement.platform,
                    isMet: await requirement.isMet(),
                    remedy: requirement.remedy))
        }
        let missing = findings.filter { !$0.isMet && $0.platform == nil }
        if json {
            terminal.result(try encodeJSON(findings))
        } else {
            for finding in findings {
                let verbs = finding.neededFor.joined(separator: ", ")
                let purpose = verbs + (finding.platform.map { " of \($0)" } ?? "")
                let verdict = finding.isMet ? "ok     " : finding.platform == nil ? "missing" : "absent "
                terminal.result(
                    "\(verdict)  \(finding.name)" + (finding.isMet ? "" : " (for \(purpose)): \(finding.remedy)"))
            }
            terminal.result(
                missing.isEmpty ? "this host has all that Bootferry needs" : "\(missing.count) missing")
        }
        if !missing.isEmpty { throw ExitCode(5) }
    }
}
