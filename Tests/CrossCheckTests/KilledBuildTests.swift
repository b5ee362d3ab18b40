import Foundation
import Glibc
import SeededRandomness
import SystemPackage
import TestSupport
import Testing

/// Builds that are killed, that run beside each other, and whose disk is full.
@Suite(.serialized)
struct KilledBuildTests {
    /// What a build is at, by the log that it has just begun.
    enum Phase: String, CaseIterable {
        case fetching = ".deb.drv.log"
        case segments = "-segment.drv.log"
        case configuring = "-configuration.drv.log"

        /// Milliseconds that it takes at least on a quick machine, from its first log on.
        var duration: Int {
            switch self {
            case .fetching: 2000
            case .segments: 4000
            case .configuring: 7000
            }
        }
    }

    static let isFull = ProcessInfo.processInfo.environment["BOOTFERRY_TEST_FULL"] == "1"

    @Test(.timeLimit(.minutes(60)))
    func `builds killed at random moments leave a sound store, and the next one finishes with the same image`()
        async throws
    {
        let image = try await BootferryProgram.shared.build().image
        var random = SeededGenerator(seed: 20_26)
        var kills = 0
        for round in 0..<(Self.isFull ? 10 : 1) {
            try await withTemporaryFolder { folder in
                let program = BootferryProgram(stateDirectory: folder.appending("state"))
                for phase in Phase.allCases {
                    for _ in 0..<(Self.isFull ? 3 : 1) {
                        let delay = Int.random(in: 0..<phase.duration, using: &random)
                        if try await kill(program, in: phase, after: delay) { kills += 1 }
                        let faults = try await program.faults()
                        #expect(
                            faults.filter { !$0.hasSuffix("is in the store and not registered") } == [],
                            "round \(round), \(phase) + \(delay) ms")
                    }
                }
                #expect(try await program.build().image == image)
                #expect(try await program.faults() == [])
                #expect(try Self.leftovers(of: program) == [])
            }
        }
        #expect(kills > 0, "every build was quicker than its kill")
    }

    @Test(.timeLimit(.minutes(15)))
    func `a collection clears what a killed build left, and two builds at once then both finish`() async throws {
        let image = try await BootferryProgram.shared.build().image
        try await withTemporaryFolder { folder in
            let program = BootferryProgram(stateDirectory: folder.appending("state"))
            #expect(try await kill(program, in: .segments, after: 300))
            let collection = try await program.run("gc")
            #expect(collection.succeeded, "\(collection.messages)")
            #expect(try await program.faults() == [])
            #expect(try Self.leftovers(of: program) == [])
            async let one = program.build()
            async let other = program.build()
            let reports = try await [one, other]
            #expect(reports.map(\.image) == [image, image])
            #expect(reports.allSatisfy { $0.generation == 1 })
            #expect(try await program.faults() == [])
        }
    }

    /// Too small for what is fetched, for what is unpacked, and for the tree that is configured.
    @Test(
        .enabled(if: ProcessInfo.processInfo.environment["CI"] == "true" || geteuid() == 0, "a small disk needs root"),
        .timeLimit(.minutes(15)), arguments: [20, 200, 300])
    func `a full disk is named, breaks nothing, and a larger one lets the build go on`(megabytes: Int) async throws {
        let image = try await BootferryProgram.shared.build().image
        try await withTemporaryFolder { folder in
            let disk = folder.appending("disk")
            let script = """
                mkdir "$2" && mount -t tmpfs -o size=$3m none "$2" || exit 1
                "$0" build "$1" --state-dir "$2/state" >&2; echo "build $?"
                echo ---- >&2
                "$0" verify --state-dir "$2/state" >&2; echo "verify $?"
                mount -o remount,size=1g "$2"
                [ $3 -lt 300 ] || { "$0" build "$1" --state-dir "$2/state" --json >"$4"; echo "build $?"; }
                "$0" verify --state-dir "$2/state" >&2; echo "verify $?"
                """
            let report = folder.appending("report")
            let outcome = try await execute([
                "unshare", "-m", "sh", "-c", script, BootferryProgram.path.string, BootferryProgram.minimal.string,
                disk.string, "\(megabytes)", report.string,
            ])
            let complaint = outcome.messages.components(separatedBy: "----")[0]
            let expected = ["build 5", "verify 0"] + (megabytes < 300 ? [] : ["build 0"]) + ["verify 0", ""]
            #expect(outcome.output.components(separatedBy: "\n") == expected, "\(outcome.messages)")
            #expect(complaint.contains("bootferry: '\(disk)"), "\(complaint)")
            #expect(complaint.contains("'--state-dir'"), "\(complaint)")
            if megabytes >= 300 {
                let data = try Data(contentsOf: URL(filePath: report.string))
                #expect(try JSONDecoder().decode(BuildReport.self, from: data).image == image)
            }
        }
    }

    /// - Returns: false when the build was quicker, which is as good a case.
    private func kill(
        _ program: BootferryProgram, in phase: Phase, after milliseconds: Int
    ) async throws -> Bool {
        let logs = program.stateDirectory.appending("log").string
        for name in (try? FileManager.default.contentsOfDirectory(atPath: logs)) ?? [] {
            try FileManager.default.removeItem(atPath: "\(logs)/\(name)")
        }
        let status = try await program.runAndKill("build", BootferryProgram.minimal.string) {
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .seconds(180) {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: logs)) ?? []
                if names.contains(where: { $0.hasSuffix(phase.rawValue) }) { break }
                try await Task.sleep(for: .milliseconds(10))
            }
            try await Task.sleep(for: .milliseconds(milliseconds))
        }
        #expect(status == .signaled(SIGKILL) || status == .exited(0), "\(phase) + \(milliseconds) ms")
        return status == .signaled(SIGKILL)
    }

    /// Work that nobody is at any more.
    private static func leftovers(of program: BootferryProgram) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: program.stateDirectory.appending("tmp").string).filter {
            $0.hasPrefix("work-")
        }
    }
}
