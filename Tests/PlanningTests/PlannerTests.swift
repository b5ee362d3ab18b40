import Planning
import StoreModel
import SystemModel
import Testing

@Suite struct PlannerTests {
    private func package(_ name: String, version: String = "1:1.0~rc1-2") -> LockedPackage {
        LockedPackage(
            name: name, version: version, architecture: "amd64",
            poolPath: "pool/main/\(name.prefix(1))/\(name)/\(name)_1.0_amd64.deb", archive: "debian", size: 1000,
            sha256: Digest.sha256(of: name + version).hex)
    }

    private func lock(system names: [String]) -> LockFile {
        LockFile(
            sets: [
                .system: names.map { package($0) }, .toolbox: [package("zstd"), package("libc6"), package("tar")],
                .loaders: [package("ipxe")],
            ], request: "")
    }

    private var system: ResolvedSystem {
        ResolvedSystem(
            name: "tiny", platform: "x86_64", base: DebianBase(suite: "trixie", components: ["main"]),
            packages: ["systemd"], kernelPackage: "linux-image-amd64", kernelParameters: ["quiet"], hostname: "tiny",
            users: [], services: ServiceSelection(enabled: [], disabled: []), files: [], network: .dhcp,
            timeZone: "Etc/UTC", locale: "C.UTF-8", keep: [], root: .ram, memory: 1024)
    }

    private func plan(_ system: ResolvedSystem, _ lock: LockFile, initText: String = "") throws -> BuildPlan {
        try Planner(initFiles: ["init": initText], hostFiles: [:], loaderFiles: ["a.efi": "usr/a.efi"]).plan(
            system, lock: lock
        ).plan
    }

    private func names(_ plan: BuildPlan, _ builder: String) -> [String] {
        plan.order.compactMap { plan.derivations[$0] }.filter { $0.builder == builder }.map(\.name)
    }

    /// The builders of one plan's derivations that another plan has not.
    private func changed(_ old: BuildPlan, _ new: BuildPlan) -> Set<String> {
        Set(new.order.filter { old.derivations[$0] == nil }.compactMap { new.derivations[$0]?.builder })
    }

    let packages = ["linux-image-6.12.1-amd64", "linux-image-amd64", "systemd"]

    @Test func `each package is fetched once and becomes one segment`() throws {
        let plan = try plan(system, lock(system: packages))
        #expect(names(plan, "builtin:segment") == packages.map { "\($0)-segment" })
        #expect(names(plan, "builtin:fetch").count == 7)
        #expect(plan.derivations[try #require(plan.target)]?.builder == "builtin:image")
    }

    @Test func `inputs stand before what uses them`() throws {
        let plan = try plan(system, lock(system: packages))
        var seen: Set<StorePath> = []
        for path in plan.order {
            #expect(plan.derivations[path]?.inputDerivations.isSubset(of: seen) == true)
            seen.insert(path)
        }
    }

    @Test func `a changed hostname remakes only the settings and the image`() throws {
        let lock = lock(system: packages)
        var renamed = system
        renamed.hostname = "other"
        #expect(changed(try plan(system, lock), try plan(renamed, lock)) == ["builtin:settings", "builtin:image"])
    }

    @Test func `closures are unpacked after the configuration, each without what those before it have`() throws {
        let lock = lock(system: packages)
        func closure(_ name: String, _ digit: Character, content: String) throws -> PackagedClosure {
            let root = try StorePath(baseName: "\(String(repeating: digit, count: 32))-\(name)")
            return try PackagedClosure(
                root,
                Closure(of: [root]) {
                    PathRegistration(path: $0, narHash: .sha256(of: content), narSize: 1, references: [])
                })
        }
        func plan(_ closures: [PackagedClosure]) throws -> (plan: BuildPlan, key: String) {
            let planner = Planner(initFiles: [:], hostFiles: [:], loaderFiles: [:], closures: closures)
            return (
                try planner.plan(system, lock: lock).plan,
                try planner.groundworkKey(of: system, lockFile: [], request: "")
            )
        }
        let (one, two) = (try closure("one-1", "1", content: "a"), try closure("two-2", "2", content: "b"))
        let both = try plan([one, two])
        #expect(names(both.plan, "builtin:closure-segment") == ["one-1-segment", "two-2-segment"])
        let segments = both.plan.order.filter { both.plan.derivations[$0]?.builder == "builtin:closure-segment" }
        #expect(both.plan.derivations[segments[1]]?.environment["before"] == "\(one.root)")
        #expect(both.plan.derivations[segments[1]]?.inputSources == [two.root])
        let catalogue = both.plan.derivations.values.first { $0.builder == "builtin:catalogue" }
        let listed = catalogue?.environment["segments"]?.split(separator: " ").suffix(2).map(String.init)
        #expect(listed == segments.map { Derivation.placeholder(for: $0) })
        // The same path with other content, as an input-addressed one may have.
        let otherwise = try plan([one, closure("two-2", "2", content: "c")])
        #expect(Set([try plan([]).key, both.key, otherwise.key]).count == 3)
        #expect(
            changed(both.plan, otherwise.plan)
                == ["builtin:closure-segment", "builtin:catalogue", "builtin:settings", "builtin:image"])
    }

    @Test func `a changed kernel parameter remakes only the image`() throws {
        let lock = lock(system: packages)
        var loud = system
        loud.kernelParameters = []
        #expect(changed(try plan(system, lock), try plan(loud, lock)) == ["builtin:image"])
    }

    @Test func `a changed init text leaves every package segment alone`() throws {
        let lock = lock(system: packages)
        let builders = changed(try plan(system, lock), try plan(system, lock, initText: "exec true"))
        #expect(builders == ["builtin:init", "builtin:catalogue", "builtin:settings", "builtin:image"])
    }

    @Test func `on its groundwork a system is planned as in the whole plan`() throws {
        let planner = Planner(initFiles: [:], hostFiles: [:], loaderFiles: ["a.efi": "usr/a.efi"])
        let (whole, groundwork) = try planner.plan(system, lock: lock(system: packages))
        let short = try planner.plan(system, on: groundwork)
        #expect(short.target == whole.target)
        #expect(names(short, "builtin:settings").count == 1 && short.order.count == 2)
        for path in short.order { #expect(short.derivations[path] == whole.derivations[path]) }
        #expect(Groundwork(derivations: groundwork.derivations) == groundwork)
    }

    @Test func `what changes the groundwork changes its key, and what does not keeps it`() throws {
        let locked = lock(system: packages + ["linux-image-6.1-amd64"])
        func both(_ system: ResolvedSystem, _ lock: LockFile, initText: String = "") throws -> (Groundwork, String) {
            let planner = Planner(initFiles: ["init": initText], hostFiles: [:], loaderFiles: [:])
            return try (
                planner.plan(system, lock: lock).groundwork,
                planner.groundworkKey(of: system, lockFile: Array(lock.rendered().utf8), request: lock.request)
            )
        }
        var first = system
        first.kernelPackage = "linux-image-6.12.1-amd64"
        func changed(_ change: (inout ResolvedSystem) -> Void) -> ResolvedSystem {
            var other = first
            change(&other)
            return other
        }
        let (groundwork, key) = try both(first, locked)
        let unit = SystemFile(
            path: "/etc/systemd/system/a.service", source: .text("[Unit]"), mode: 0o644, owner: "root", group: "root")
        var moved = locked
        moved.sets[.toolbox]?[0] = package("zstd", version: "2")
        let others = [
            try both(first, moved), try both(first, locked, initText: "exec true"),
            try both(changed { $0.kernelPackage = "linux-image-6.1-amd64" }, locked),
            try both(changed { $0.keep = [.documentation] }, locked),
            try both(changed { $0.locale = "de_CH.UTF-8" }, locked),
            try both(changed { $0.services.enabled = ["ssh.service"] }, locked),
            try both(changed { $0.services.disabled = ["ssh.service"] }, locked),
            try both(changed { $0.files = [unit] }, locked),
        ]
        for other in others { #expect(other.0 != groundwork && other.1 != key) }
        let same = try both(
            changed {
                $0.hostname = "other"
                $0.kernelParameters = ["loud"]
                $0.timeZone = "Europe/Zurich"
            }, locked)
        #expect(same.0 == groundwork && same.1 == key)
    }

    @Test func `a moved package remakes no other package's segment`() throws {
        let old = lock(system: packages)
        var new = old
        new.sets[.system]?[2] = package("systemd", version: "2")
        let (before, after) = (try plan(system, old), try plan(system, new))
        let segments = after.order.filter { before.derivations[$0] == nil }.compactMap { after.derivations[$0] }
            .filter { $0.builder == "builtin:segment" }.map(\.name)
        #expect(segments == ["systemd-segment"])
    }

    @Test func `a lock without exactly one kernel image is refused by the kernel package's name`() {
        #expect(throws: PlanningError.self) { try plan(system, lock(system: ["systemd"])) }
        let error = #expect(throws: PlanningError.self) {
            try plan(system, lock(system: ["linux-image-6.1-amd64", "linux-image-6.12-amd64"]))
        }
        #expect(error?.subject == "kernel package 'linux-image-amd64'")
    }

    @Test func `the kernel of Debian 14 is in a package beside the one that its name stands for`() throws {
        let names = ["linux-base", "linux-binary-7.2-riscv64", "linux-image-7.2-riscv64", "linux-modules-7.2-riscv64"]
        let plan = try plan(system, lock(system: names))
        let kernel = try #require(plan.derivations.values.first { $0.builder == "builtin:kernel" })
        let packages = kernel.inputDerivations.compactMap { plan.derivations[$0]?.name }
        #expect(packages.count == 1 && packages.allSatisfy { $0.hasPrefix("linux-binary-7.2-riscv64_") }, "\(packages)")
    }

    @Test func `a lock without the toolbox says how to make one`() {
        var incomplete = lock(system: packages)
        incomplete.sets[.toolbox] = nil
        let error = #expect(throws: PlanningError.self) { try plan(system, incomplete) }
        #expect(error?.remedy == "bootferry lock --update")
    }
}
