import Foundation
import LinuxCalls
import LocalStore
import SystemPackage

/// What a verb works in: the store, the data, the terminal.
struct Workspace {
    let store: LocalStore
    let data: ProjectData
    let terminal: Terminal
    /// Results as JSON.
    let json: Bool

    init(_ options: WorkspaceOptions) throws {
        terminal = Terminal(quiet: options.quiet)
        json = options.json
        data = try ProjectData(named: options.dataDirectory)
        store = try Self.openStore(options)
    }

    private init(store: LocalStore, data: ProjectData, terminal: Terminal, json: Bool) {
        self.store = store
        self.data = data
        self.terminal = terminal
        self.json = json
    }

    /// The same with other data.
    func with(data: ProjectData) -> Workspace { Workspace(store: store, data: data, terminal: terminal, json: json) }

    /// Writes a file that a person keeps, so that a kill or a pulled plug leaves the old one or the new one.
    func write(_ text: String, to path: FilePath) throws {
        do {
            try replaceFile(at: path, with: Array(text.utf8))
        } catch {
            throw CommandError(
                subject: path.string, message: "cannot be written", cause: "\(error)",
                remedy: "make its folder writable, or copy the system's folder to one that is")
        }
    }

    /// The store alone, for verbs that need no data.
    static func openStore(_ options: WorkspaceOptions) throws -> LocalStore {
        try LocalStore(opening: stateDirectory(options), now: { secondsSince1970() })
    }

    static func stateDirectory(_ options: WorkspaceOptions) throws -> StateDirectory {
        try StateDirectory.chosen(
            explicit: options.stateDirectory, environment: ProcessInfo.processInfo.environment,
            currentDirectory: FilePath(currentDirectory()))
    }
}

func secondsSince1970() -> Int { Int(Date().timeIntervalSince1970) }
