import Foundation
import MediumModel
import SystemPackage
import Testing

@testable import Carrying

/// A program on a medium, by a small real one: echo(1) with its libraries.
@Suite struct CarriedProgramTests {
    private let sites: TwoSites

    init() throws {
        sites = try TwoSites()
        let data = sites.folder.appending("data")
        for (name, text) in [
            ("netboot/ipxe/boot.ipxe", "#!ipxe\n"), ("targets/recipes/nothing/build.sh", "true\n"),
            ("targets/systems/UPPER/README.md", "upper case\n"), ("netboot/.hidden", "not carried"),
        ] {
            let url = URL(filePath: data.pushing(FilePath(name)).string)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        sites.program = try CarriedProgram(try running(), data: data)
    }

    /// The libraries are those of this process, as its own maps name them.
    private func running(_ program: String = "/usr/bin/echo", late: [String] = []) throws -> RunningProgram {
        let libraries = try RunningProgram.ownMaps().split(separator: "\n").filter { !$0.contains(".xctest") }.joined(
            separator: "\n")
        return try RunningProgram(
            maps: libraries + "\n00400000-00401000 r-xp 00000000 08:01 17                  \(program)\n", late: late,
            machine: try shell("uname -m").output)
    }

    private func shell(
        _ script: String, _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, messages: String) {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", script, "sh"] + arguments
        process.environment = ["PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": home.string].merging(environment) { $1 }
        let (output, messages) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = messages
        try process.run()
        let texts = [output, messages].map {
            String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                .trimmingCharacters(in: .newlines)
        }
        process.waitUntilExit()
        return (process.terminationStatus, texts[0], texts[1])
    }

    private var home: FilePath { sites.folder.appending("home of an administrator") }
    private var cache: FilePath { home.appending(".cache/bootferry") }

    private func export() throws {
        try sites.export([try sites.home.latestGeneration(of: "lab-node") ?? sites.publish()])
    }

    @Test func `the program runs from the medium by its own loader and libraries, and is unpacked once`() throws {
        try export()
        #expect(try sites.faults() == [])
        let run = "sh \"$1/bootferry\" one 'two  three'"
        for _ in 0..<2 {
            let outcome = try shell(run, [sites.medium.string])
            #expect(outcome == (0, "one two  three", ""))
        }
        let unpacked = try #require(try FileManager.default.contentsOfDirectory(atPath: cache.string).first)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: cache.string) == [sites.program?.archive.digest.hex])
        // Once it is unpacked, the medium may be read no more, and the folder may be linked to from anywhere.
        try FileManager.default.removeItem(at: sites.url("bootferry.tar"))
        #expect(try shell(run, [sites.medium.string]).output == "one two  three")
        let here = cache.appending(unpacked)
        try FileManager.default.createSymbolicLink(
            atPath: home.appending("bf").string, withDestinationPath: here.appending("bin/bootferry").string)
        #expect(try shell("cd / && exec \"$1\" linked", [home.appending("bf").string]).output == "linked")
        let data = try shell("cd \"$1/share/bootferry\" && find . -type f | sort", [here.string]).output
        #expect(
            data.split(separator: "\n") == [
                "./netboot/ipxe/boot.ipxe", "./targets/recipes/nothing/build.sh", "./targets/systems/UPPER/README.md",
            ])
        let list = try shell(
            "cd \"$1/lib\" && ./ld-*.so* --inhibit-cache --library-path . --list ../libexec/bootferry", [here.string])
        #expect(list.output.contains("libc.so"))
        for line in list.output.split(separator: "\n") where line.contains("=> /") {
            Issue.record("the loader would take a library of the host: \(line)")
        }
    }

    @Test func `the same program has the same bytes, is written once, and again when it was damaged`() throws {
        let again = try CarriedProgram(try running(), data: sites.folder.appending("data"))
        #expect(again.files == sites.program?.files)
        try export()
        let written = try FileManager.default.attributesOfItem(atPath: sites.url("bootferry.tar").path)
        try export()
        let kept = try FileManager.default.attributesOfItem(atPath: sites.url("bootferry.tar").path)
        #expect(written[.systemFileNumber] as? Int == kept[.systemFileNumber] as? Int)
        for name in ["bootferry", "bootferry.tar"] {
            try sites.flip(name, at: 700)
            #expect(try sites.faults().map(\.file) == [name])
            #expect(try sites.takeAll().faults == [], "what is carried does not need it")
            try export()
            #expect(try sites.faults() == [])
        }
        // Another export, without, leaves it as it is; what the manifest does not name is nobody's.
        sites.program = nil
        try export()
        #expect(try sites.faults() == [])
        #expect(FileManager.default.fileExists(atPath: sites.url("bootferry").path))
        try FileManager.default.removeItem(at: sites.url("medium-manifest"))
        try export()
        #expect(try sites.faults().map(\.file) == ["bootferry", "bootferry.tar"])
    }

    @Test func `what hinders the starter is named, with what to do, and nothing is left`() throws {
        try export()
        let run = "sh \"$1/bootferry\""
        let medium = [sites.medium.string]
        try sites.flip("bootferry.tar", at: 5000)
        let damaged = try shell(run, medium)
        #expect(damaged.status == 3)
        #expect(damaged.messages.contains("is damaged: sha256 ") && damaged.messages.contains("remedy: "))
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.string) == [])
        try sites.flip("bootferry.tar", at: 5000)
        let nowhere = try shell(run, medium, environment: ["XDG_CACHE_HOME": "/proc/nowhere"])
        #expect(nowhere.status == 5)
        #expect(nowhere.messages.contains("cannot be made") && nowhere.messages.contains("XDG_CACHE_HOME"))
        let other = try shell("uname() { echo Linux riscv64; }; . \"$1/bootferry\"", medium)
        #expect(other.status == 5)
        #expect(other.messages.contains("and this is Linux riscv64"))
        try FileManager.default.removeItem(at: sites.url("bootferry.tar"))
        let missing = try shell(run, medium)
        #expect(missing.status == 5)
        #expect(missing.messages.contains("cannot be copied"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache.string) == [])
    }

    @Test func `a medium that is mounted noexec starts it all the same; a cache that is so is named`() throws {
        try export()
        let script = """
            unshare --map-root-user --mount sh -ec '
                mount --bind "$1" "$1" && mount -o remount,bind,noexec,ro "$1"
                if "$1/bootferry" 2>/dev/null; then echo "the medium lets programs run"; fi
                sh "$1/bootferry" started
                mkdir -p "$2" && mount -t tmpfs -o noexec tmpfs "$2"
                XDG_CACHE_HOME="$2" sh "$1/bootferry" started || echo "status $?"
            ' sh "$1" "$2"
            """
        let outcome = try shell(script, [sites.medium.string, sites.folder.appending("noexec").string])
        #expect(outcome.output == "started\nstatus 5", "\(outcome.messages)")
        #expect(outcome.messages.contains("lets no programs run"))
    }

    @Test func `a library that is not mapped, or a program that was replaced, is named`() throws {
        let missing = #expect(throws: CarryingError.self) { try running(late: ["libnowhere.so.1"]) }
        #expect(missing?.description.contains("'libnowhere.so.1': is needed by this program and not loaded") ?? false)
        let gone = #expect(throws: CarryingError.self) { try running("/usr/bin/echo (deleted)") }
        #expect(gone?.description.contains("'/usr/bin/echo': was replaced since this program began") ?? false)
        let nowhere = #expect(throws: CarryingError.self) { try running("/nowhere") }
        #expect(nowhere?.description.contains("'/nowhere'") ?? false)
    }

    @Test func `this process is found by its own maps, with every library that it needs`() throws {
        let running = try RunningProgram.current()
        #expect(running.program.lastComponent?.string.hasSuffix(".xctest") ?? false)
        #expect(running.libraries.keys.contains("libzstd.so.1") && running.libraries.keys.contains("liblzma.so.5"))
        #expect(running.libraries[running.loader] != nil)
        #expect(try running.command == [running.program.string])
        let listed = try shell("ldd \"$1\"", [running.program.string]).output
        for line in listed.split(separator: "\n") {
            guard let name = line.split(whereSeparator: { " \t".contains($0) }).first, !name.hasPrefix("linux-vdso")
            else {
                continue
            }
            let soname = String(name.split(separator: "/").last ?? name)
            // ldd lists what libraries of libraries need, too, as this does.
            #expect(running.libraries[soname] != nil, "\(soname)")
        }
    }

    @Test func `a file larger than the medium takes is refused by name`() throws {
        sites.settings.largestFile = ExportSettings.smallestPart
        let error = #expect(throws: CarryingError.self) { try export() }
        #expect(error?.description.contains("'bootferry.tar': has ") ?? false)
        #expect(error?.kind == .usage)
    }
}
