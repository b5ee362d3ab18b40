import Foundation
import SeededRandomness
import StoreModel
import SystemPackage
import Testing

@testable import LocalStore

/// Runs `StoreTorture`, which lies beside the test program.
@Suite(.serialized) struct TortureTests {
    let test: TestStore

    init() throws { test = try TestStore() }

    static var program: URL {
        let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let beside = tests.appending(path: "StoreTorture")
        if FileManager.default.isExecutableFile(atPath: beside.path) { return beside }
        return Bundle.main.bundleURL.deletingLastPathComponent().appending(path: "StoreTorture")
    }

    func start(_ arguments: [String], through launcher: [String] = [], program: URL = program) throws -> (Process, Pipe)
    {
        let words = launcher + [program.path] + arguments
        let process = Process()
        process.executableURL = URL(fileURLWithPath: words[0])
        process.arguments = Array(words.dropFirst())
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return (process, output)
    }

    func finish(_ started: (Process, Pipe)) -> (status: Int32, text: String) {
        let text = String(decoding: started.1.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        started.0.waitUntilExit()
        return (started.0.terminationStatus, text)
    }

    @Test func `processes killed at any moment leave a sound store that the next run cleans`() throws {
        var generator = SeededGenerator(seed: 20)
        for round in 0..<6 {
            let running = try (0..<3).map {
                try start([test.directory.path.string, "\(round * 10 + $0)", "loop"])
            }
            for (process, output) in running.shuffled(using: &generator) {
                usleep(UInt32.random(in: 20_000...250_000, using: &generator))
                kill(process.processIdentifier, SIGKILL)
                let (_, text) = finish((process, output))
                #expect(process.terminationReason == .uncaughtSignal, "it ended by itself: \(text)")
            }
            let before = try test.faults().filter { if case .unregistered = $0 { false } else { true } }
            #expect(before == [], "round \(round)")
            let rooted = Set(try test.store.roots().values)
            _ = try test.store.collectGarbage()
            #expect(try test.faults() == [], "round \(round), after a collection")
            #expect(try test.store.validPaths(among: rooted) == rooted)
            #expect(try test.store.allValidPaths() == Set(try test.store.closure(of: rooted).order))
            #expect(try Files.names(in: test.directory.temporary) == [])
        }
    }

    @Test func `several processes at once all finish and leave a sound store`() throws {
        let running = try (0..<3).map { try start([test.directory.path.string, "\($0)", "run", "12"]) }
        for started in running {
            let (status, text) = finish(started)
            #expect(status == 0, "\(text)")
        }
        #expect(try test.faults() == [])
    }

    @Test func `an ordinary user needs no privilege for any of it`() throws {
        // Already one, or able to become one.
        let parent = test.directory.path.removingLastComponent().appending("nobody")
        try Files.createDirectories(parent)
        let copy = parent.appending("StoreTorture")
        try FileManager.default.copyItem(atPath: Self.program.path, toPath: copy.string)
        var launcher: [String] = []
        if geteuid() == 0 {
            try Files.setMode(0o755, parent.removingLastComponent())
            try Files.setMode(0o777, parent)
            try Files.setMode(0o755, copy)
            launcher = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
            guard FileManager.default.isExecutableFile(atPath: launcher[0]) else { return }
            // The Swift runtime may lie in root's home, where nobody else can load it.
            let probe = finish(try start(["probe"], through: launcher, program: URL(fileURLWithPath: copy.string)))
            guard probe.text.contains("usage") else { return }
        }
        let state = parent.appending("state").string
        let (status, text) = finish(
            try start([state, "5", "run", "40"], through: launcher, program: URL(fileURLWithPath: copy.string)))
        #expect(status == 0, "\(text)")
    }

    @Test func `a full disk is told with its remedy, breaks nothing, and a collection frees it`() throws {
        let place = test.directory.path.removingLastComponent().appending("small")
        try Files.createDirectories(place)
        let launcher = [
            "/usr/bin/unshare", "-rm", "/bin/sh", "-c",
            "mount -t tmpfs -o size=4m none \"$0\" || { echo unmountable; exit 1; }; exec \"$@\"", place.string,
        ]
        let (status, text) = finish(try start([place.appending("state").string, "7", "fill"], through: launcher))
        // A host without user namespaces cannot make a small disk without root.
        if text.contains("unmountable") || text.contains("unshare:") { return }
        #expect(status == 0, "\(text)")
        #expect(text.contains("full after"))
    }
}
