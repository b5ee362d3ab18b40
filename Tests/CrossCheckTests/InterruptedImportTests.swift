import Foundation
import StoreModel
import SystemPackage
import TestSupport
import Testing

/// Imports that the disk or the stick stops half-way.
@Suite(.serialized) struct InterruptedImportTests {
    private func export(_ home: CarriedStore, to site: CarriedStore) async throws {
        let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
        try await site.run("key", "trust", key)
        try await home.run("export", "lab-node", "--without-bootferry", "--to", home.medium.string)
    }

    /// Runs a shell script in a mount namespace of its own; `$program`, `$medium` and `$state` are those of a site.
    private func script(_ script: String, _ home: CarriedStore, _ site: CarriedStore) async throws
        -> BootferryProgram.Outcome
    {
        let preface = """
            program=$(readlink -f "$1") medium=$2 state=$3
            cd "$4"

            """
        return try await execute([
            "unshare", "--map-root-user", "--mount", "sh", "-ec", preface + script, "sh", BootferryProgram.path.string,
            home.medium.string, site.program.stateDirectory.string, home.folder.string,
        ])
    }

    /// An object whose archive is small, and whose files take a block each.
    private func addSmallFiles(_ name: String, count: Int, to home: CarriedStore) throws -> StorePath {
        let scratch = try home.store.makeScratch()
        defer { withExtendedLifetime(scratch) {} }
        let tree = scratch.path.appending("tree")
        try FileManager.default.createDirectory(atPath: tree.string, withIntermediateDirectories: true)
        for number in 0..<count {
            try Data("\(name) \(number)".utf8).write(to: URL(filePath: tree.appending("file-\(number)").string))
        }
        return try home.store.addContentAddressed(tree, name: name)
    }

    @Test func `a disk that becomes full leaves a sound store, and more room lets the same command finish`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let site = try CarriedStore(in: folder, "site")
            let objects = try (0..<8).map { try addSmallFiles("small-\($0)", count: 400, to: home) }
            let image = try home.add("lab-node-image", bytes: 100, needs: objects)
            let generation = try home.store.publish(image, as: "lab-node", madeFrom: nil)
            try await export(home, to: site)
            let outcome = try await script(
                """
                mkdir disk && mount -t tmpfs -o size=8m tmpfs disk
                cp -r "$state" disk/site
                "$program" import "$medium" --state-dir disk/site 2>full && exit 9 || echo "status $?"
                cat full
                mount -o remount,size=64m disk
                "$program" verify --state-dir disk/site | grep -v 'is in the store and not registered' || true
                "$program" import "$medium" --state-dir disk/site
                "$program" gc --state-dir disk/site
                "$program" verify --state-dir disk/site
                "$program" generations --state-dir disk/site
                """, home, site)
            #expect(outcome.succeeded, "\(outcome.output)\(outcome.messages)")
            #expect(outcome.output.contains("status 5"), "\(outcome.output)")
            #expect(outcome.output.lowercased().contains("no space left"), "\(outcome.output)")
            #expect(!outcome.output.contains("damaged"), "\(outcome.output)")
            #expect(outcome.output.contains(generation.image), "\(outcome.output)")
            #expect(!outcome.messages.contains(" 0 were there"), "\(outcome.messages)")
        }
    }

    @Test func `a stick that is pulled out is named, and the same command finishes once it is back`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let site = try CarriedStore(in: folder, "site")
            let generation = try home.publish("lab-node", objects: 60, bytes: 1_000_000)
            try await export(home, to: site)
            let outcome = try await script(
                """
                mkdir stick && mount --bind "$medium" stick
                "$program" import stick --state-dir "$state" 2>pulled & import=$!
                until [ -n "$(ls "$state/store")" ]; do sleep 0.01; done
                umount -l stick
                wait $import && exit 9 || echo "status $?"
                cat pulled
                "$program" import stick --state-dir "$state" 2>&1 && exit 9 || echo "status $?"
                mount --bind "$medium" stick
                "$program" import stick --state-dir "$state"
                """, home, site)
            #expect(outcome.succeeded, "\(outcome.output)\(outcome.messages)")
            #expect(outcome.output.contains("status 5\n"), "\(outcome.output)")
            #expect(outcome.output.contains("the medium has gone while it was read"), "\(outcome.output)")
            #expect(outcome.output.contains("remedy: put it in again and run the same command"), "\(outcome.output)")
            #expect(outcome.output.contains("is no medium"), "\(outcome.output)")
            #expect(!outcome.messages.contains(" 0 were there"), "\(outcome.messages)")
            #expect(try site.store.latestGeneration(of: "lab-node")?.image == generation.image)
            #expect(try await site.program.run("gc").succeeded)
            #expect(try await site.program.faults() == [])
        }
    }

    @Test func `what was imported by itself is listed, kept, and let go by its path`() async throws {
        try await withTemporaryFolder { folder in
            let home = try CarriedStore(in: folder, "home")
            let site = try CarriedStore(in: folder, "site")
            let generation = try home.publish("lab-node", objects: 1, bytes: 1000)
            let alone = try home.add("alone", bytes: 1000)
            let key = try await home.run("key", "generate", "home-1").trimmingCharacters(in: .whitespacesAndNewlines)
            try await site.run("key", "trust", key)
            try await home.run(
                "export", "lab-node", "--path", "\(alone)", "--without-bootferry", "--to", home.medium.string)
            try await site.run("import", home.medium.string)
            #expect(
                try await site.run("roots")
                    == "imported-\(alone.hashPart)  \(alone)\nlab-node-1  \(generation.image)\n")
            try await site.run("gc")
            #expect(try site.store.isValid(alone))
            let image = try await site.program.run("roots", "--release", generation.image)
            #expect(image.status == .exited(2))
            #expect(image.messages.contains("is kept by the root 'lab-node-1', which no import made"))
            #expect(try await site.run("roots", "--release", "\(alone)", "--json").contains("\"imported\" : false"))
            let again = try await site.program.run("roots", "--release", "\(alone)")
            #expect(again.status == .exited(2))
            #expect(again.messages.contains("is kept by no import"), "\(again.messages)")
            try await site.run("gc")
            #expect(try !site.store.isValid(alone))
            #expect(try site.store.latestGeneration(of: "lab-node")?.image == generation.image)
            try await site.run("import", home.medium.string)
            try await site.run("roots", "--release-all-imported")
            #expect(try await site.run("roots") == "lab-node-1  \(generation.image)\n")
        }
    }
}
