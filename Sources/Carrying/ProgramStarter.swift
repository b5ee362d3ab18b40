/// The shell scripts that start a carried program. They ask nothing of a host but what BusyBox has.
enum ProgramStarter {
    /// The starter on the medium: copies the archive, checks the copy, unpacks it once, and goes on there.
    ///
    /// A medium may be mounted noexec, where neither a program nor its libraries can be mapped to be run. What is
    /// digested is the copy that is unpacked, not what a failing stick might give the second time it is read.
    ///
    /// - Parameters:
    ///   - machine: the processor, as `uname -m` has it.
    ///   - digest: SHA-256 of the archive, in hexadecimal.
    static func text(machine: String, loader: String, digest: String) -> String {
        """
        #!/bin/sh
        # Bootferry, for Linux on \(machine). Run it as 'sh /media/stick/bootferry --help': a medium may not let programs run.
        #
        # Unpacks bootferry.tar, which lies beside this file, into $XDG_CACHE_HOME/bootferry or ~/.cache/bootferry, once, and
        # runs it there with its own libraries. To keep it, copy the unpacked folder anywhere: /opt/bootferry/bin/bootferry.
        set -eu
        machine=\(machine)
        digest=\(digest)

        fail() { # STATUS SUBJECT MESSAGE REMEDY
            printf 'bootferry: %s: %s\\n  remedy: %s\\n' "$2" "$3" "$4" >&2
            exit "$1"
        }

        [ "$(uname -sm)" = "Linux $machine" ] ||
            fail 5 "$0" "is for Linux $machine, and this is $(uname -sm)" "export on a machine of the same kind"
        case $0 in
        */*) medium=${0%/*} ;;
        *) medium=. ;;
        esac
        archive=$medium/bootferry.tar
        cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}/bootferry
        place=$cache/$digest
        if [ ! -d "$place" ]; then
            elsewhere="name a folder that you may write, and where programs may run, by XDG_CACHE_HOME"
            mkdir -p "$cache" 2>/dev/null || fail 5 "'$cache'" "cannot be made" "$elsewhere"
            new=$cache/$digest.$$
            trap 'rm -rf "$new"' EXIT
            trap 'exit 130' HUP INT TERM
            mkdir "$new" 2>/dev/null || fail 5 "'$cache'" "cannot be written" "$elsewhere"
            cp "$archive" "$new/archive" ||
                fail 5 "'$archive'" "cannot be copied to '$cache'" "see that both are there, and that $cache has room"
            found=$(sha256sum <"$new/archive")
            found=${found%% *}
            [ "$found" = "$digest" ] ||
                fail 3 "'$archive'" "is damaged: sha256 $found, expected $digest" "export to this medium again"
            mkdir "$new/tree"
            tar -C "$new/tree" -xf "$new/archive" || fail 5 "'$cache'" "cannot be unpacked into" "free space there"
            sync
            [ -d "$place" ] || mv "$new/tree" "$place"
            rm -rf "$new"
            trap - EXIT HUP INT TERM
        fi
        [ -x "$place/lib/\(loader)" ] ||
            fail 5 "'$cache'" "lets no programs run" "name another folder by XDG_CACHE_HOME"
        exec sh "$place/bin/bootferry" "$@"

        """
    }

    /// `bin/bootferry` of the unpacked folder, which may lie anywhere and be linked to.
    ///
    /// The loader is told where the libraries are, instead of LD_LIBRARY_PATH, which programs of the host that are started from
    /// here would heed too.
    static func inside(loader: String) -> String {
        """
        #!/bin/sh
        # Bootferry with its own libraries; the folder that has bin, lib, libexec and share may be moved anywhere.
        here=$(readlink -f "$0") || exit 5
        here=${here%/bin/*}
        exec "$here/lib/\(loader)" --inhibit-cache --library-path "$here/lib" "$here/libexec/bootferry" "$@"

        """
    }
}
