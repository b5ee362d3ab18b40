cd "$source"
export PATH="$toolchain/bin:$PATH" KCONFIG_NOTIMESTAMP=1
bmake() { make -j"$JOBS" ARCH="$KERNEL_ARCH" CROSS_COMPILE="$TARGET-" CC="$TARGET-cc" HOSTCC=clang SKIP_STRIP=y "$@"; }

bmake defconfig
sed -n 's/^\(CONFIG_[A-Z0-9_]*\)=.*/\1/p; s/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1/p' "$recipe/busybox.config" > /build/names
grep -vwFf /build/names .config > /build/rest
cat /build/rest "$recipe/busybox.config" > .config
# Every other question gets its default.
yes '' | bmake oldconfig
grep -E '^(CONFIG_|# CONFIG_.* is not set$)' "$recipe/busybox.config" | while read -r line; do
    grep -qxF -- "$line" .config && continue
    case $line in
    \#*) name=${line#\# }; grep -q "^${name%% *}=" .config || continue ;;
    esac
    echo "busybox.config: '$line' did not survive" >&2
    exit 1
done

bmake busybox busybox.links
mkdir -p "$out/bin"
"$TARGET-strip" -o "$out/bin/busybox" busybox_unstripped
sed 's:.*/::' busybox.links | grep -vx busybox | while read -r name; do ln -s busybox "$out/bin/$name"; done
