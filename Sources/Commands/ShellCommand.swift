import ArgumentParser
import Building
import Foundation
import ImageAssembly
import Logging
import Subprocess
import SystemPackage

/// `bootferry shell`: the place where a recipe is built, for a person.
struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Work where a recipe is built, with the platform's compilers.",
        discussion: """
            Builds what the recipe needs, unpacks and patches its source, and starts a shell there, or a command. It is the
            sandbox that the recipe is built in: its locked tools are the whole system, there is no network, and user, paths
            and environment are the same on every host. Without a recipe it is that of 'workbench', which has CMake, Meson
            and Ninja.

            The folder that you are in is seen at '/here', and may be written to; all else is gone afterwards. Work begins
            in the recipe's source, without a recipe in '/here'.

            ENVIRONMENT INSIDE
              CC, CXX, LD, AR, NM, RANLIB, STRIP, OBJCOPY, PKG_CONFIG
                                    the platform's tools, which are in PATH, too
              CMAKE_TOOLCHAIN_FILE  what CMake reads by itself
              PKG_CONFIG_PATH       the libraries among the recipe's inputs
              PLATFORM, TARGET, TARGET_CFLAGS, KERNEL_ARCH, ENDIAN, JOBS, SOURCE_DATE_EPOCH
                                    what the recipe's script has
              source, out, recipe   where its source is, where it makes its output, its folder
              script                what makes the output: 'sh -e $script'
              and each input by the recipe's name, with '_' for '-'

            Meson knows the platform by its name: 'meson setup --cross-file ppc64-elfv2 objects'.

            EXIT STATUS
              The command's own; 128 and its number where a signal ended it.

              bootferry shell --platform ppc64-elfv2
              bootferry shell --platform ppc64-elfv2 busybox
              bootferry shell --platform ppc64-elfv2 -- make CC=powerpc64-linux-musl-cc
            """)

    @Option(help: "What is built for, a file of 'targets/platforms', or one with a variant of it.")
    var platform: String
    @Argument(help: "The recipe.")
    var recipe: String?
    @Argument(parsing: .postTerminator, help: "A command in place of the shell, after '--'.")
    var command: [String] = []
    @OptionGroup var substitution: SubstituterOptions
    @OptionGroup var mirror: MirrorOptions
    @OptionGroup var options: WorkspaceOptions

    /// Whose place it is where no recipe is named.
    private static let workbench = "workbench"

    func run() async throws {
        let workspace = try Workspace(options)
        let platform = try workspace.data.platform(platform)
        let plan = try await RecipePipeline(workspace: workspace, mirror: mirror).planner(for: platform)
            .plan(recipe ?? Self.workbench)
        let runner = PlanRunner(
            workspace: workspace, mirror: mirror,
            substituters: try substitution.substituters(for: workspace.store, workspace.terminal))
        let derivation = try await runner.prepare(plan)
        let status: TerminationStatus
        do {
            let scratch = try workspace.store.makeScratch()
            defer { withExtendedLifetime(scratch) {} }
            let request = BuildRequest(
                derivation: derivation, output: scratch.path.appending("output"), scratch: scratch.path,
                storeDirectory: workspace.store.directory.store,
                reached: { try workspace.store.paths(reachedFrom: $0) },
                logger: Logger(label: derivation.name) { _ in SwiftLogNoOpLogHandler() })
            let shell = try await RecipeShell(
                request, folder: FilePath(currentDirectory()), beginsHere: recipe == nil,
                terminal: ProcessInfo.processInfo.environment["TERM"])
            status = try await shell.run(command)
        }
        switch status {
        case .exited(let code): throw ExitCode(code)
        case .signaled(let number): throw ExitCode(128 + number)
        }
    }
}
