import Building
import Foundation
import StoreModel
import SystemModel
import SystemPackage

/// The place where a recipe is built: `/build` with the unpacked source, and a `/nix/store` that has what the recipe was given
/// and room for its output.
struct RecipeSandbox {
    let sandbox: Sandbox
    let work: RecipeWork
    /// Where the output appears, on the host.
    let made: FilePath

    /// Who builds, whoever started the build.
    private static let account = 1000

    /// In the sandbox: what makes the source ready, run by sh(1).
    static let entrance = "/build/.recipe/build"

    /// - Parameter ending: what the shell does when the source is ready, which is where `$script` would be run.
    init(_ request: BuildRequest, ending: String = #"exec sh -e "$script""#) async throws {
        let work = try JSONDecoder().decode(RecipeWork.self, from: Data(try request.require("work").utf8))
        let toolbox = try request.require("toolbox")
        let sources = try request.require("sources")
        let own = try request.ownPath()
        let (build, store, settings) = (
            request.scratch.appending("build"), request.scratch.appending("store"), request.scratch.appending("etc")
        )
        // The toolbox is the sandbox's `/`: nothing may know it by its name in the store.
        let given = try request.reached(
            request.derivation.inputSources.filter { $0.description != toolbox })
        try await onBlockingThread {
            for folder in [build, store, settings, build.appending(".recipe")] { try Tree.makeDirectory(folder) }
            try Tree.write(
                Array(
                    "root:x:0:0:root:/:/bin/sh\nbuilder:x:\(Self.account):\(Self.account):builder:/build:/bin/sh\n".utf8
                ),
                to: settings.appending("passwd"))
            try Tree.write(
                Array("root:x:0:\nbuilder:x:\(Self.account):\n".utf8), to: settings.appending("group"))
            try Tree.write(Array("\(Self.preparation)\n\(ending)\n".utf8), to: build.appending(".recipe/build"))
        }
        var environment = work.variables
        for (name, value) in [
            "out": own.description, "source": "/build/source",
            "JOBS": String(ProcessInfo.processInfo.activeProcessorCount),
            "SOURCE_DATE_EPOCH": String(SegmentWriter.epoch), "HOME": "/build", "USER": "builder", "LOGNAME": "builder",
            "LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/usr/sbin", "RECIPE_SOURCES": sources,
            "RECIPE_UNPACK": work.unpack.joined(separator: "\n"),
            "RECIPE_PATCHES": work.patches.joined(separator: "\n"),
            "RECIPE_SCRIPT": work.script, "RECIPE_SECONDS": String(work.processorSeconds),
            "RECIPE_KIB": String(work.memory * 1024),
        ] { environment[name] = value }
        sandbox = Sandbox(
            toolbox: Toolbox(root: request.physical(toolbox)),
            binds: [.init(build, at: "/build", writable: true), .init(store, at: StorePath.directory, writable: true)]
                + given.sorted().map { .init(request.physical($0.description), at: $0.description) },
            account: .init(number: Self.account, files: settings), directory: "/build", environment: environment)
        self.work = work
        made = store.appending(own.baseName)
    }

    /// Unpacks and patches the source as dpkg-source(1) would, and names the recipe's script.
    ///
    /// Every file of the source gets one time, so that no make thinks one newer than another.
    private static let preparation = #"""
        set -e
        umask 022
        ulimit -t "$RECIPE_SECONDS"
        ulimit -v "$RECIPE_KIB"
        mkdir source

        # take FILE FOLDER [MEMBER...]
        take() {
            file=$1 folder=$2
            shift 2
            mkdir -p "$folder"
            tar -x -f "$file" -C "$folder" --strip-components=1 --no-same-owner --no-same-permissions "$@"
        }
        debian= diff=
        for file in $RECIPE_SOURCES; do
            case $file in
            *.dsc) ;;
            *.diff.gz) diff=$file ;;
            *.debian.tar.*) debian=$file ;;
            *.orig-*.tar.*)
                part=${file##*.orig-}
                [ -n "$RECIPE_UNPACK" ] || take "$file" "source/${part%%.tar.*}"
                ;;
            *)
                if [ -z "$RECIPE_UNPACK" ]; then
                    take "$file" source
                else
                    set -- --wildcards --anchored --no-wildcards-match-slash
                    IFS='
        '
                    for member in $RECIPE_UNPACK; do set -- "$@" "*/$member"; done
                    unset IFS
                    take "$file" source "$@"
                fi
                ;;
            esac
        done
        apply() { patch -d source -p1 -s --no-backup-if-mismatch -i "$1"; }
        if [ -n "$debian" ]; then
            tar -x -f "$debian" -C source --no-same-owner --no-same-permissions
            if [ -e source/debian/patches/series ]; then
                while read -r name rest; do
                    case $name in '' | '#'*) ;; *) apply "/build/source/debian/patches/$name" ;; esac
                done <source/debian/patches/series
            fi
        fi
        if [ -n "$diff" ]; then gzip -dc "$diff" | patch -d source -p1 -s --no-backup-if-mismatch; fi
        IFS='
        '
        for name in $RECIPE_PATCHES; do apply "$recipe/$name"; done
        unset IFS
        find source -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
        script=$recipe/$RECIPE_SCRIPT
        unset RECIPE_SOURCES RECIPE_UNPACK RECIPE_PATCHES RECIPE_SCRIPT RECIPE_SECONDS RECIPE_KIB
        """#
}
