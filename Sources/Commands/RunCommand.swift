import ArgumentParser
import FileFormats
import Foundation
import ImageAssembly
import SystemModel
import SystemPackage

/// `bootferry run`: a platform's program on this host.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a platform's program here, under QEMU's emulation of its processor.",
        discussion: """
            The program runs as any other of this host's: in this folder, with this environment, this input and output and
            this network. Its file must be what recipes make for the platform: byte order, ABI and all are looked at first.
            What follows the program's name is the program's.

            Recipes make static programs. For one that asks for a loader, QEMU_LD_PREFIX names the folder to find it in. A
            program that looks for files in '/nix/store' does not find those of the state directory.

            EXIT STATUS
              The program's own, as the emulator gives it.

              bootferry run --platform ppc64-elfv2 ./program --its-own-option
              bootferry run --platform ppc64-elfv2 "$(bootferry recipe build abi-report --platform ppc64-elfv2)"/bin/abi-report
            """)

    @Option(help: "What it was built for, a file of 'targets/platforms'.")
    var platform: String
    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp("The folder that holds 'targets' and 'netboot'; found beside the program.", valueName: "dir")
    )
    var dataDirectory: String?
    @Argument(
        parsing: .captureForPassthrough, help: ArgumentHelp("The program and its arguments.", valueName: "program"))
    var line: [String]

    func run() async throws {
        let platform = try ProjectData(named: dataDirectory).platform(platform)
        guard let target = platform.target, let emulator = target.emulator.first else {
            throw CommandError(
                kind: .usage, subject: platform.fullName, message: "has no 'target' with an 'emulator' in its file",
                remedy: "bootferry boot boots systems of it")
        }
        try await Requirement.check(for: "run", of: platform)
        let program = line[0]
        try check(FilePath(program), target.abi)
        try Executables.become(emulator, target.emulator.dropFirst() + line)
    }

    private func check(_ program: FilePath, _ abi: ELF.ABI) throws {
        let faults: [String]
        do {
            let file = try FileDescriptor.open(program, .readOnly, options: [.closeOnExec])
            let isELF = try file.closeAfter {
                try withUnsafeTemporaryAllocation(byteCount: ELF.magic.count, alignment: 1) { bytes in
                    try file.read(into: bytes) == bytes.count && bytes.elementsEqual(ELF.magic)
                }
            }
            // A link is not looked at, but what it stands for.
            let target = FilePath(URL(filePath: program.string).resolvingSymlinksInPath().path(percentEncoded: false))
            faults = isELF ? try ABICheck(abi: abi).faults(in: target) : ["\(program): is no ELF file"]
        } catch let error as Errno {
            throw CommandError(kind: .usage, subject: program.string, message: "cannot be read", cause: "\(error)")
        }
        guard faults.isEmpty else {
            throw CommandError(
                kind: .usage, subject: program.string, message: "is no program of '\(platform)'",
                cause: faults.joined(separator: "\n"), remedy: "bootferry shell --platform \(platform)")
        }
    }
}
