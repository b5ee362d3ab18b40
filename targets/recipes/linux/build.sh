# Builds the kernel with clang, so that one toolchain serves every platform.
#
# $out/vmlinuz         what QEMU, GRUB, petitboot and kexec load: the architecture's own image, or where that one only
#                      wraps vmlinux for a firmware (PowerPC), vmlinux without symbols
# $out/zImage          the wrapped one, for that firmware, without an initramfs
# $out/image.gz        for U-Boot, whose formats carry it: the kernel as it stands in memory, from address 0, compressed;
#                      $out/image.size has its bytes once unpacked
# $out/devicetrees     those that $kernels/$PLATFORM.devicetrees names, one a line, as arch/*/boot/dts has them
# $out/config          the final configuration; $out/System.map; $out/release as uname -r says it
# $out/lib/modules     with modules.dep
: "${KERNEL_CONFIG:=$kernels/common.config $kernels/$PLATFORM.config}"
cd "$source"
export KBUILD_OUTPUT=/build/kernel
mkdir "$KBUILD_OUTPUT"

# PowerPC's boot wrapper calls the binary tools by their plain names, whatever LLVM=1 says, and lld does not link its
# position-independent images: GNU's tools for the architecture take those names where the toolbox has them. So host
# programs must be told their linker, or clang would take PowerPC's.
mkdir /build/tools
for tool in ld nm objcopy objdump strip; do
    if [ -e "/usr/bin/$KERNEL_ARCH-linux-gnu-$tool" ]; then ln -s "/usr/bin/$KERNEL_ARCH-linux-gnu-$tool" /build/tools/$tool; fi
done

# Every call of make needs the same values: a later one with others would link vmlinux again.
kmake() {
    PATH=/build/tools:$PATH make -j"$JOBS" ARCH="$KERNEL_ARCH" LLVM=1 HOSTCC=clang HOSTLDFLAGS=-fuse-ld=lld \
        KBUILD_BUILD_TIMESTAMP="$(date -u -d "@$SOURCE_DATE_EPOCH")" KBUILD_BUILD_USER=builder KBUILD_BUILD_HOST=localhost \
        KBUILD_BUILD_VERSION=1 "$@"
}

for fragment in $KERNEL_CONFIG; do
    # A platform needs no fragment of its own as long as the common one boots it.
    if [ -e "$fragment" ]; then cat "$fragment"; fi
done > /build/fragment
# Of a symbol that is set twice only the last line counts.
awk '{ name = ""
       if (match($0, /^CONFIG_[A-Za-z0-9_]+=/)) name = substr($0, 1, RLENGTH - 1)
       else if ($0 ~ /^# CONFIG_[A-Za-z0-9_]+ is not set$/) name = $2
       if (name == "") next
       if (!(name in line)) order[++count] = name
       line[name] = $0 }
     END { for (i = 1; i <= count; i++) print line[order[i]] }' /build/fragment > /build/wanted
kmake KCONFIG_ALLCONFIG=/build/wanted allnoconfig

# Kconfig drops, without a word, what it does not know and what depends on something unset.
lost=0
while read -r line; do
    case $line in
    *=n) survived="# ${line%=n} is not set" ;;
    *) survived=$line ;;
    esac
    grep -qxF -- "$survived" "$KBUILD_OUTPUT/.config" && continue
    name=${line#'# '}; name=${name%%[= ]*}
    found=$(grep -E "^(# )?$name[= ]" "$KBUILD_OUTPUT/.config") || found="nothing of that name"
    # An unset symbol is not written at all when what it depends on is unset.
    if [ "$survived" != "$line" ] || [ "${line#'# '}" != "$line" ]; then
        [ "$found" = "nothing of that name" ] && continue
    fi
    echo "kernel configuration: '$line' did not survive: found $found" >&2
    lost=1
done < /build/wanted
if [ $lost = 1 ]; then
    echo "kernel configuration: correct these lines in $KERNEL_CONFIG, or set what they depend on" >&2
    exit 1
fi

if grep -qx CONFIG_DEFAULT_UIMAGE=y "$KBUILD_OUTPUT/.config"; then
    # Its uImage would need U-Boot's mkimage, and is made as it is given out.
    kmake vmlinux modules
else
    kmake all
fi

mkdir -p "$out"
boot=$KBUILD_OUTPUT/arch/$KERNEL_ARCH/boot
if [ -e "arch/$KERNEL_ARCH/boot/wrapper" ]; then
    llvm-strip -s -o "$out/vmlinuz" "$KBUILD_OUTPUT/vmlinux"
    # Its section headers stay: an initramfs and a command line are put into its sections later.
    if [ -e "$boot/zImage" ]; then cp -L "$boot/zImage" "$out/zImage"; fi
    if grep -qx CONFIG_DEFAULT_UIMAGE=y "$KBUILD_OUTPUT/.config"; then
        llvm-objcopy -O binary "$KBUILD_OUTPUT/vmlinux" /build/image
        gzip -9n < /build/image > "$out/image.gz"
        wc -c < /build/image > "$out/image.size"
    fi
else
    cp -L "$KBUILD_OUTPUT/$(kmake -s image_name)" "$out/vmlinuz"
fi
if [ -e "$kernels/$PLATFORM.devicetrees" ]; then
    mkdir "$out/devicetrees"
    while read -r name; do
        case $name in '' | '#'*) continue ;; esac
        kmake "$name"
        cp "$boot/dts/$name" "$out/devicetrees"
    done < "$kernels/$PLATFORM.devicetrees"
fi
cp "$KBUILD_OUTPUT/.config" "$out/config"
cp "$KBUILD_OUTPUT/System.map" "$out/System.map"
kmake -s kernelrelease > "$out/release"
if grep -qx CONFIG_MODULES=y "$out/config"; then
    kmake INSTALL_MOD_PATH="$out" INSTALL_MOD_STRIP=1 DEPMOD=depmod modules_install
    # Links to where it was built.
    rm -f "$out"/lib/modules/*/build "$out"/lib/modules/*/source
fi

chmod -R u+w,a+rX "$out"
