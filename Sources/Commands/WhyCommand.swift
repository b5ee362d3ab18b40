import ArgumentParser
import DebianArchive
import Diagnostics
import Foundation
import StoreModel
import SystemModel
import SystemPackage

/// `bootferry why`: where a package or a file of a system comes from.
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Say why a package or a file is in a system.",
        discussion: """
            Answers for the system as it was last built. For a package, the shortest chain of dependencies from one that the configuration asks for, with the place
            where it asks. For a file (a path that begins with '/'), the segment that carries it, and then the same.

              bootferry why lab-node libssl3t64
              bootferry why lab-node /usr/bin/less
            """)

    @Argument(help: "The system.")
    var system: String
    @Argument(help: "A package's name, or an absolute path on the node.")
    var subject: String
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    struct Answer: Encodable {
        /// Segments that carry the file; the last one wins. Empty when a package was asked about.
        var carriedBy: [String] = []
        /// From what the configuration asks for to the package.
        var chain: [String] = []
        var askedFor: String?
    }

    func run() async throws {
        let workspace = try Workspace(options)
        let source = try SystemSource(system, data: workspace.data)
        let pipeline = SystemPipeline(source: source, workspace: workspace, mirror: mirror)
        let image = try await pipeline.existingImage()
        let answer = try subject.hasPrefix("/") ? whyFile(image, source) : whyPackage(subject, image, source)
        if options.json {
            workspace.terminal.result(try encodeJSON(answer))
        } else {
            for line in lines(answer) { workspace.terminal.result(line) }
        }
    }

    private func whyFile(_ image: BuiltImage, _ source: SystemSource) throws -> Answer {
        let path = String(subject.drop { $0 == "/" })
        // Packages may say /bin or /lib; a merged system has it in /usr.
        let names = [path, "usr/" + path].flatMap { [$0, $0 + "/"] }
        var carriers: [String] = []
        for segment in image.manifest.segments {
            let folder = try image.physical(segment.part).removingLastComponent()
            let contents = try HostFiles.text(folder.appending("contents"))
            if contents.split(separator: "\n").contains(where: { line in names.contains { $0 == line } }) {
                carriers.append(segment.summary.name)
            }
        }
        guard let last = carriers.last else {
            throw CommandError(
                kind: .usage, subject: subject, message: "is in no segment of '\(image.manifest.system)'",
                remedy: "files that init or a service makes at boot are in no segment")
        }
        var answer = (try? whyPackage(last, image, source)) ?? Answer()
        answer.carriedBy = carriers
        return answer
    }

    private func whyPackage(_ name: String, _ image: BuiltImage, _ source: SystemSource) throws -> Answer {
        let stanzas = try image.manifest.segments.compactMap { try image.stanza(of: $0) }
        let present = Set(stanzas.compactMap { $0["Package"] })
        guard present.contains(name) else {
            let nearest = nearestSpelling(to: name, among: present.sorted()).map { "; did you mean '\($0)'?" } ?? ""
            throw CommandError(
                kind: .usage, subject: name, message: "is no package of '\(image.manifest.system)'\(nearest)")
        }
        let asked = source.system.packages + [source.system.kernelPackage].compactMap { $0 }
        guard let chain = DependencyGraph(stanzas).chain(from: asked, to: name), let first = chain.first else {
            return Answer(chain: [name], askedFor: "every Debian system (Essential, or needed by an essential package)")
        }
        let position = source.configuration.positionOfPackage(first)?.description
        return Answer(chain: chain, askedFor: position ?? "the platform '\(source.system.platform)'")
    }

    private func lines(_ answer: Answer) -> [String] {
        var lines: [String] = []
        if !answer.carriedBy.isEmpty {
            lines.append("\(subject) is carried by \(answer.carriedBy.joined(separator: ", then by "))")
        }
        if let asked = answer.askedFor {
            lines.append(answer.chain.joined(separator: " -> "))
            lines.append("\(answer.chain[0]) is asked for by \(asked)")
        }
        return lines
    }
}
