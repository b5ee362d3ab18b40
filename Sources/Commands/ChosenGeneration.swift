import Diagnostics
import Foundation
import LocalStore
import SystemModel

/// A generation that is there already, of a system as the command line names it: as 'generations' lists it, else by what
/// 'build' takes.
///
/// - Parameter number: the newest where there is none.
func chosenGeneration(
    _ number: Int?, of name: String, in store: LocalStore, dataDirectory: String?
) throws -> Generation {
    let known = try Set(store.generations().map(\.system))
    let system = try known.contains(name) ? name : systemName(name, known.sorted(), dataDirectory)
    guard let number else {
        if let newest = try store.latestGeneration(of: system) { return newest }
        throw CommandError(
            kind: .usage, subject: system, message: "has no generation yet", remedy: "bootferry build \(name)")
    }
    if let found = try store.generation(number, of: system) { return found }
    throw CommandError(
        kind: .usage, subject: system, message: "has no generation \(number)",
        remedy: "bootferry generations \(system)")
}

private func systemName(_ name: String, _ known: [String], _ dataDirectory: String?) throws -> String {
    if let nearest = nearestSpelling(to: name, among: known), !FileManager.default.fileExists(atPath: name) {
        throw CommandError(
            kind: .usage, subject: name, message: "has no generation; did you mean '\(nearest)'?",
            remedy: "bootferry generations")
    }
    return try SystemSource(name, data: ProjectData(named: dataDirectory)).system.name
}
