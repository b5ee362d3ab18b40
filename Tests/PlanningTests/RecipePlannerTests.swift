import FileFormats
import Planning
import StoreModel
import Testing

@testable import SystemModel

@Suite struct RecipePlannerTests {
    private func package(_ name: String, architecture: String = "amd64", file: String? = nil) -> LockedPackage {
        LockedPackage(
            name: name, version: "1.0~rc1-2", architecture: architecture,
            poolPath: "pool/main/\(name)/\(file ?? "\(name)_1.0_amd64.deb")", archive: "debian", size: 1000,
            sha256: Digest.sha256(of: name + (file ?? "")).hex)
    }

    private func recipe(_ name: String, source: String? = nil, inputs: [String] = []) -> Recipe {
        Recipe(
            name: name, summary: "", licence: "MIT", debianSource: source, unpack: [], patches: [], toolbox: [],
            inputs: inputs, data: [], script: "build.sh", foreignFiles: [],
            limits: .init(processorMinutes: 1, memory: 64), platforms: [], positions: [:])
    }

    private let platform = Platform(
        name: "board", debianArchitecture: nil, kernelPackage: nil, loaders: [],
        target: .init(
            triple: "board-linux-musl", kernelArchitecture: "board", compilerFlags: ["-mx"],
            abi: ELF.ABI(bits: 32, byteOrder: "big", machine: 4)), firmware: [], qemuProcessor: nil,
        qemuProgram: "qemu-system-board")

    private func folder(_ text: String) throws -> StorePath {
        try StorePath.source(name: "recipe", narDigest: Digest.sha256(of: text))
    }

    private func planner(_ recipes: [Recipe], folders changed: [String: String] = [:]) throws -> RecipePlanner {
        try RecipePlanner(
            book: RecipeBook(recipes),
            lock: RecipeLock(
                packages: [package("make"), package("tar")],
                toolboxes: Dictionary(uniqueKeysWithValues: recipes.map { ($0.name, ["make", "tar"]) }),
                sources: ["musl_1.dsc", "musl_1.orig.tar.gz", "musl_1.orig.tar.gz.asc", "musl_1.debian.tar.xz"].map {
                    package("musl", architecture: "source", file: $0)
                }, request: ""),
            platform: platform,
            folders: Dictionary(
                uniqueKeysWithValues: recipes.map { ($0.name, try folder(changed[$0.name] ?? $0.name)) }), data: [:])
    }

    private func names(_ plan: BuildPlan, _ builder: String) -> [String] {
        plan.order.compactMap { plan.derivations[$0] }.filter { $0.builder == builder }.map(\.name)
    }

    @Test func `a recipe is planned after its inputs, with one toolbox for what asks for the same`() throws {
        let plan = try planner([recipe("musl", source: "musl"), recipe("hello", inputs: ["musl"])]).plan("hello")
        #expect(names(plan, "builtin:recipe") == ["musl-1.0-rc1-2", "hello"])
        #expect(names(plan, "builtin:unpack") == ["toolbox"])
        #expect(
            names(plan, "builtin:fetch").filter { $0.hasPrefix("musl_") }
                == ["musl_1.debian.tar.xz", "musl_1.dsc", "musl_1.orig.tar.gz"])
        let hello = try #require(plan.target.flatMap { plan.derivations[$0] })
        let work = try #require(hello.environment["work"])
        #expect(work.contains(#""TARGET":"board-linux-musl""#) && work.contains(#""TARGET_CFLAGS":"-mx""#))
        let musl = try #require(plan.order.first { plan.derivations[$0]?.name.hasPrefix("musl-") == true })
        #expect(work.contains(#""musl":"\#(Derivation.placeholder(for: musl))""#))
        #expect(hello.inputDerivations.contains(musl))
    }

    @Test func `a changed recipe changes itself and what takes it in, and nothing else`() throws {
        let recipes = [recipe("musl", source: "musl"), recipe("hello", inputs: ["musl"]), recipe("other")]
        func all(_ planner: RecipePlanner) throws -> Set<StorePath> {
            try Set(planner.plan("hello").order + planner.plan("other").order)
        }
        let changed = try planner(recipes, folders: ["musl": "new"])
        let new = try all(changed).subtracting(all(planner(recipes)))
        #expect(Set(new.map { $0.name }) == ["musl-1.0-rc1-2.drv", "hello.drv"])
    }

    @Test func `part of a source needs no file of Debian's own`() throws {
        var musl = recipe("musl", source: "musl")
        musl.unpack = ["src"]
        #expect(
            names(try planner([musl]).plan("musl"), "builtin:fetch").filter { $0.hasPrefix("musl_") }
                == ["musl_1.orig.tar.gz"])
    }

    @Test func `what is not there is named, with the nearest that is`() throws {
        let error = #expect(throws: PlanningError.self) { try planner([recipe("musl")]).plan("musll") }
        #expect(error?.message == "is no recipe; did you mean 'musl'?")
        let unlocked = #expect(throws: PlanningError.self) {
            try planner([recipe("lua", source: "lua5.4")]).plan("lua")
        }
        #expect(unlocked?.remedy == "bootferry recipe lock")
        var elsewhere = recipe("musl")
        elsewhere.platforms = ["s390x"]
        let other = #expect(throws: PlanningError.self) { try planner([elsewhere]).plan("musl") }
        #expect(other?.remedy == "its platforms: s390x")
    }

    private var system: ResolvedSystem {
        ResolvedSystem(
            name: "tiny", platform: "board", base: DebianBase(suite: "trixie", components: ["main"]), packages: [],
            recipes: ["hello", "other"], kernelPackage: nil, kernelRecipe: "linux", kernelParameters: ["quiet"],
            hostname: "tiny", users: [], services: ServiceSelection(enabled: [], disabled: []), files: [],
            network: .dhcp, timeZone: "Etc/UTC", locale: "C.UTF-8", keep: [], root: .ram, memory: 64)
    }

    private func systemPlan(_ change: (inout ResolvedSystem) -> Void = { _ in }) throws -> BuildPlan {
        var system = system
        change(&system)
        let recipes = [
            recipe("musl", source: "musl"), recipe("hello", inputs: ["musl"]), recipe("other"), recipe("linux"),
        ]
        var planner = try planner(recipes)
        planner.platform.loaders = [.init(name: "zImage", package: nil, recipe: "linux", path: "zImage")]
        planner.lock.packages.append(package("zstd"))
        planner.lock.toolboxes[RecipeLock.commonName] = ["zstd"]
        return try planner.plan(
            system, base: .init(["init": "exec true", "passwd": "root", "group": "root"]), hostFiles: [:])
    }

    @Test func `a system of recipes is its outputs' closures, in the order written, and the kernel's recipe`() throws {
        let plan = try systemPlan()
        #expect(names(plan, "builtin:closure-segment") == ["hello-segment", "other-segment"])
        #expect(names(plan, "builtin:recipe").sorted() == ["hello", "linux", "musl-1.0-rc1-2", "other"])
        let image = try #require(plan.target.flatMap { plan.derivations[$0] })
        let linux = try #require(plan.order.first { plan.derivations[$0]?.name == "linux" })
        let kernel = Derivation.placeholder(for: linux)
        let request = try #require(image.environment["image"])
        #expect(request.contains(#""kernel":"\#(kernel)""#))
        #expect(request.contains(#""loaders":{"zImage":"\#(kernel)/zImage"}"#))
        let settings = plan.order.compactMap { plan.derivations[$0] }.first { $0.builder == "builtin:settings" }
        // What is systemd's has no place in it.
        #expect(settings?.environment["settings"]?.contains("network") == false)
    }

    @Test func `a changed hostname of a system of recipes remakes only the settings and the image`() throws {
        let old = try systemPlan()
        let new = try systemPlan { $0.hostname = "other" }
        let changed = new.order.filter { old.derivations[$0] == nil }.compactMap { new.derivations[$0]?.builder }
        #expect(changed == ["builtin:settings", "builtin:image"])
    }
}
