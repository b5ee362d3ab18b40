import Building
import Diagnostics
import Foundation
import LocalStore
import StoreModel
import Synchronization
import SystemPackage
import Testing

/// Writes its environment's `text`, after the contents of its inputs, and counts how often it ran.
final class TextBuilder: Builder {
    private let builds = Mutex<[String]>([])

    var built: [String] { builds.withLock { $0 } }

    func build(_ request: BuildRequest) async throws {
        builds.withLock { $0.append(request.derivation.name) }
        var text = try request.require("text")
        if text == "fail" {
            request.logger.info("what the builder said")
            throw BuildError(subject: request.derivation.name, message: "was told to fail")
        }
        for input in (request.derivation.environment["inputs"] ?? "").split(separator: " ") {
            text += try String(contentsOfFile: request.physical(String(input)).string, encoding: .utf8)
        }
        try text.write(toFile: request.output.string, atomically: false, encoding: .utf8)
    }
}

@Suite struct RealiserTests {
    let folder: FilePath
    let store: LocalStore
    let builder = TextBuilder()

    init() throws {
        folder = FilePath(NSTemporaryDirectory()).appending("bootferry-realiser-\(UUID().uuidString)")
        store = try LocalStore(opening: StateDirectory(folder), now: { 1 })
    }

    private func cleanUp() { try? FileManager.default.removeItem(atPath: folder.string) }

    private var realiser: Realiser {
        Realiser(store: store, builders: ["builtin:text": builder], width: .init(fetches: 2, builds: 2)) { _ in }
    }

    private func add(_ name: String, _ text: String, inputs: [StorePath] = [], to plan: inout BuildPlan) throws
        -> StorePath
    {
        let path = try plan.add(
            Derivation(
                name: name, builder: "builtin:text",
                environment: [
                    "text": text, "inputs": inputs.map { Derivation.placeholder(for: $0) }.joined(separator: " "),
                ], inputDerivations: Set(inputs)))
        plan.target = path
        return path
    }

    /// `base` -> `middle` -> `top`.
    private func chain(base: String, middle: String = "m") throws -> BuildPlan {
        var plan = BuildPlan()
        let first = try add("base", base, to: &plan)
        let second = try add("middle", middle, inputs: [first], to: &plan)
        _ = try add("top", "t", inputs: [second], to: &plan)
        return plan
    }

    private func text(_ path: StorePath) throws -> String {
        try String(contentsOfFile: store.physicalPath(of: path).string, encoding: .utf8)
    }

    @Test func `a plan is built inputs first, and a second time not at all`() async throws {
        defer { cleanUp() }
        let plan = try chain(base: "b")
        let output = try await realiser.realise(plan)
        #expect(try text(output) == "tmb")
        #expect(builder.built == ["base", "middle", "top"])
        #expect(try await realiser.realise(plan) == output)
        #expect(builder.built.count == 3)
    }

    @Test func `a changed derivation with the same output stops the rebuild there`() async throws {
        defer { cleanUp() }
        let output = try await realiser.realise(chain(base: "b"))
        var plan = BuildPlan()
        // Another derivation, by its name in the environment, whose output has the same name and bytes.
        let base = try plan.add(
            Derivation(
                name: "base", builder: "builtin:text", environment: ["text": "b", "inputs": "", "remark": "changed"]))
        let middle = try add("middle", "m", inputs: [base], to: &plan)
        _ = try add("top", "t", inputs: [middle], to: &plan)
        #expect(try await realiser.realise(plan) == output)
        #expect(builder.built == ["base", "middle", "top", "base"])
    }

    @Test func `only what depends on a change is built again`() async throws {
        defer { cleanUp() }
        _ = try await realiser.realise(chain(base: "b"))
        #expect(try text(try await realiser.realise(chain(base: "b", middle: "M"))) == "tMb")
        #expect(builder.built == ["base", "middle", "top", "middle", "top"])
    }

    @Test func `a failing build names the derivation and shows the log's end`() async throws {
        defer { cleanUp() }
        let plan = try chain(base: "b", middle: "fail")
        let error = await #expect(throws: BuildError.self) { try await realiser.realise(plan) }
        #expect(error?.subject == "middle")
        #expect(error?.cause?.hasPrefix("what the builder said\n(the whole log: ") == true)
        // What was made before it is kept.
        _ = try? await realiser.realise(plan)
        #expect(builder.built == ["base", "middle", "middle"])
    }

    @Test func `two that want the same at once have it built once`() async throws {
        defer { cleanUp() }
        let plan = try chain(base: "b")
        async let first = realiser.realise(plan)
        async let second = realiser.realise(plan)
        #expect(try await first == second)
        #expect(builder.built.sorted() == ["base", "middle", "top"])
    }

    @Test func `fetches that fail are all named, and nothing is built after them`() async throws {
        defer { cleanUp() }
        struct Gone: JoinableError {
            var kind: FailureKind { .failed }
            let subject: String
            var message: String { "is gone" }
            init(subject: String) { self.subject = subject }
            init(joining errors: [Self]) { subject = errors.map(\.subject).sorted().joined(separator: ", ") }
        }
        struct Mirror: Builder {
            func build(_ request: BuildRequest) async throws {
                guard request.derivation.name == "there" else { throw Gone(subject: request.derivation.name) }
                try "there".write(toFile: request.output.string, atomically: false, encoding: .utf8)
            }
        }
        var plan = BuildPlan()
        var fetches: [StorePath] = []
        for name in ["a", "b", "c", "d", "there"] {
            fetches.append(
                try plan.add(
                    Derivation(
                        name: name, builder: "builtin:mirror",
                        outputHash: .init(method: .flat, digest: Digest.sha256(of: "there")))))
        }
        _ = try add("top", "t", inputs: fetches, to: &plan)
        var realiser = realiser
        realiser.builders["builtin:mirror"] = Mirror()
        let error = await #expect(throws: Gone.self) { try await realiser.realise(plan) }
        #expect(error?.subject == "a, b, c, d")
        #expect(try realiser.known(fetches, in: plan).count == 1)
        #expect(builder.built.isEmpty)
    }

    @Test func `a builder that does not exist is an error that says which`() async throws {
        defer { cleanUp() }
        var plan = BuildPlan()
        plan.target = try plan.add(Derivation(name: "x", builder: "builtin:nothing"))
        let error = await #expect(throws: BuildError.self) { try await realiser.realise(plan) }
        #expect(error?.message.contains("builtin:nothing") == true)
    }

    @Test func `damaged objects are made again inputs first, and one that comes out otherwise is told`() async throws {
        defer { cleanUp() }
        let plan = try chain(base: "b")
        let top = try await realiser.realise(plan)
        let known = try realiser.known(plan.order, in: plan)
        let damaged = Set([plan.order[0], plan.order[2]].compactMap { known[$0] })
        try store.setAside(damaged)
        #expect(try store.verify(width: 1).count == 2)
        let outcome = try await realiser.remake(damaged, in: plan)
        #expect(outcome.made == damaged && outcome.failures.isEmpty)
        #expect(builder.built == ["base", "middle", "top", "base", "top"])
        #expect(try store.verify(width: 1) == [])
        #expect(try text(top) == "tmb")

        // A builder that has changed since.
        struct Other: Builder {
            func build(_ request: BuildRequest) async throws {
                try "other".write(toFile: request.output.string, atomically: false, encoding: .utf8)
            }
        }
        var changed = realiser
        changed.builders["builtin:text"] = Other()
        try store.setAside([top])
        let failed = try await changed.remake([top], in: plan)
        #expect(failed.made.isEmpty && Array(failed.failures.keys) == [top])
        #expect(try store.unregister([top]) == [top])
        #expect(try store.verify(width: 1) == [])
        #expect(try text(await realiser.realise(plan)) == "other")
    }
}
