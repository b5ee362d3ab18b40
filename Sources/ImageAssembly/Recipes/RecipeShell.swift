import Building
import Foundation
import StoreModel
import Subprocess
import SystemPackage

/// A person, or a command of theirs, in the place where a recipe is built: the same sandbox, the source unpacked and patched, and
/// besides what the script has, variables by which build systems find the toolchain.
public struct RecipeShell: Sendable {
    private let sandbox: Sandbox

    /// Where a folder of the host is seen inside.
    public static let here = "/here"

    /// Makes the place ready; nothing is run yet.
    ///
    /// - Parameters:
    ///   - request: for the recipe's derivation, its inputs built. Nothing is made where its output would be.
    ///   - folder: a folder of the host that is seen, and may be written to, at `here`.
    ///   - beginsHere: whether commands begin there, and not in the source.
    ///   - terminal: what the person's terminal is called; nil where there is none.
    public init(_ request: BuildRequest, folder: FilePath, beginsHere: Bool, terminal: String?) async throws {
        let recipe = try await RecipeSandbox(request, ending: "")
        var sandbox = recipe.sandbox
        sandbox.binds.append(.init(folder, at: Self.here, writable: true))
        sandbox.environment.merge(
            Self.variables(for: recipe.work.variables) { access(request.physical($0).string, F_OK) == 0 }
        ) { $1 }
        sandbox.environment["RECIPE_BEGINNING"] = beginsHere ? Self.here : "/build/source"
        if let terminal { sandbox.environment["TERM"] = terminal }
        self.sandbox = sandbox
    }

    /// Runs a command of the toolbox, or a shell to type at where there is none, with this process's input and output.
    public func run(_ command: [String]) async throws -> TerminationStatus {
        try await sandbox.attend(
            ["sh", "-c", Self.entering, "sh"] + (command.isEmpty ? ["bash", "--norc", "-i"] : command))
    }

    /// Makes the source ready and becomes the command. Meson knows a file for cross builds by name that is in one of its folders.
    private static let entering = #"""
        sh \#(RecipeSandbox.entrance) || exit
        if [ -n "${RECIPE_TOOLCHAIN-}" ]; then
            mkdir -p "$HOME/.local/share/meson/cross"
            ln -s "$RECIPE_TOOLCHAIN/share/meson.cross" "$HOME/.local/share/meson/cross/$PLATFORM"
        fi
        cd "$RECIPE_BEGINNING"
        script=$recipe/$RECIPE_SCRIPT
        export script
        for name in $(env | sed -n 's/^\(RECIPE_[A-Z]*\)=.*/\1/p'); do unset "$name"; done
        unset name
        exec "$@"
        """#

    /// What a build system is told of the toolchain and of the libraries among the recipe's inputs.
    ///
    /// - Parameters:
    ///   - variables: the script's own.
    ///   - exists: whether a path of the store is there.
    static func variables(
        for variables: [String: String], exists: (_ path: String) -> Bool
    ) -> [String: String] {
        let platform = variables["PLATFORM"] ?? ""
        var found = ["PS1": "[\(platform) \\w] "]
        let packages = variables.values.sorted().map { "\($0)/lib/pkgconfig" }
            .filter { $0.hasPrefix("\(StorePath.directory)/") && exists($0) }
        if !packages.isEmpty { found["PKG_CONFIG_PATH"] = packages.joined(separator: ":") }
        // With C++'s library where the recipe has that.
        guard let toolchain = variables["toolchain_cxx"] ?? variables["toolchain"], let target = variables["TARGET"]
        else { return found }
        found["PATH"] = "\(toolchain)/bin:/usr/bin:/usr/sbin"
        for (name, tool) in [
            "CC": "cc", "CXX": "c++", "LD": "ld", "AR": "ar", "NM": "nm", "RANLIB": "ranlib", "STRIP": "strip",
            "OBJCOPY": "objcopy", "PKG_CONFIG": "pkg-config",
        ] { found[name] = "\(target)-\(tool)" }
        found["CMAKE_TOOLCHAIN_FILE"] = "\(toolchain)/share/toolchain.cmake"
        found["RECIPE_TOOLCHAIN"] = toolchain
        return found
    }
}
