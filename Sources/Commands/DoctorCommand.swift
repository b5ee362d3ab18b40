import ArgumentParser
import Foundation

/// `bootferry doctor`: what this host lacks.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what this host lacks, and the command that installs it.",
        discussion: """
            Each line names what was looked for, the verbs that need it, and what to run. The exit status is 5 when
            something is missing.
            """)

    @Flag(help: "Print the findings as JSON.")
    var json = false

    struct Finding: Codable {
        var name: String
        var neededFor: [String]
        var isMet: Bool
        var remedy: String
    }

    func run() async throws {
        let terminal = Terminal()
        var findings: [Finding] = []
        for requirement in Requirement.all {
            findings.append(
                Finding(
                    name: requirement.name, neededFor: requirement.verbs, isMet: await requirement.isMet(),
                    remedy: requirement.remedy))
        }
        let missing = findings.filter { !$0.isMet }
        if json {
            terminal.result(try encodeJSON(findings))
        } else {
            for finding in findings {
                let verbs = finding.neededFor.joined(separator: ", ")
                terminal.result(
                    finding.isMet
                        ? "ok       \(finding.name)" : "missing  \(finding.name) (for \(verbs)): \(finding.remedy)")
            }
            terminal.result(
                missing.isEmpty ? "this host has all that Bootferry needs" : "\(missing.count) missing")
        }
        if !missing.isEmpty { throw ExitCode(5) }
    }
}
