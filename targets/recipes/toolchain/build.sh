# One folder that works wherever it lies, with no reference to what it was made of: a recipe that uses it is not built
# again because an input's path changed, only when the toolchain's bytes did. The programs themselves are the
# toolbox's: clang, lld and llvm must be in the toolbox of every recipe that has this one as its input.
sysroot=$out/sysroot
mkdir -p "$out/bin" "$out/lib" "$out/share" "$sysroot/usr"
cp -R --no-preserve=mode "$linux_headers/include" "$musl/include" "$musl/lib" "$sysroot/usr/"
cp -R "$compiler_rt" "$out/lib/clang"
chmod -R u+w "$out"

# What a compiler is called with. <CFGDIR> is clang's name for the folder of this file.
cat > "$out/lib/common.cfg" << END
--target=$TARGET $TARGET_CFLAGS
--sysroot=<CFGDIR>/../sysroot
-resource-dir=<CFGDIR>/clang
-rtlib=compiler-rt
-fuse-ld=lld
-static
-fno-pie
-ffile-prefix-map=/build=.
-fdebug-compilation-dir=.
-Wno-unused-command-line-argument
END
printf '@common.cfg\n-unwindlib=none\n' > "$out/lib/cc.cfg"
printf '@common.cfg\n-stdlib=libc++\n-unwindlib=libunwind\n' > "$out/lib/c++.cfg"

# No process is started to find this folder: configure scripts call the compiler thousands of times.
wrap() { printf '#!/bin/sh\nexec %s "$@"\n' "$2" > "$out/bin/$TARGET-$1"; chmod 755 "$out/bin/$TARGET-$1"; }
wrap cc 'clang --config "${0%/*}/../lib/cc.cfg"'
wrap c++ 'clang++ --config "${0%/*}/../lib/c++.cfg"'
wrap ld 'ld.lld --sysroot="${0%/*}/../sysroot"'
for tool in ar nm objcopy objdump ranlib readelf strip strings; do wrap $tool llvm-$tool; done
ln -s "$TARGET-cc" "$out/bin/$TARGET-gcc"
ln -s "$TARGET-c++" "$out/bin/$TARGET-g++"
# Only the target's libraries, which recipes name in PKG_CONFIG_PATH, and never the host's; static, as programs are.
wrap pkg-config 'env PKG_CONFIG_LIBDIR="${0%/*}/../sysroot/usr/lib/pkgconfig" pkg-config --static'

processor=${TARGET%%-*}
cat > "$out/share/toolchain.cmake" << END
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR $processor)
get_filename_component(_toolchain "\${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(CMAKE_C_COMPILER "\${_toolchain}/bin/$TARGET-cc")
set(CMAKE_CXX_COMPILER "\${_toolchain}/bin/$TARGET-c++")
set(CMAKE_ASM_COMPILER "\${_toolchain}/bin/$TARGET-cc")
set(CMAKE_AR "\${_toolchain}/bin/$TARGET-ar")
set(CMAKE_RANLIB "\${_toolchain}/bin/$TARGET-ranlib")
set(CMAKE_STRIP "\${_toolchain}/bin/$TARGET-strip")
set(CMAKE_SYSROOT "\${_toolchain}/sysroot")
set(PKG_CONFIG_EXECUTABLE "\${_toolchain}/bin/$TARGET-pkg-config")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
END
# Meson reads no variable of its own place: the caller puts bin in PATH. Its name for a family of processors differs
# from the GNU one for PowerPC and 32-bit ARM.
family=$processor
case $processor in
powerpc64*) family=ppc64 ;;
arm*) family=arm ;;
esac
cat > "$out/share/meson.cross" << END
[binaries]
c = '$TARGET-cc'
cpp = '$TARGET-c++'
ar = '$TARGET-ar'
ranlib = '$TARGET-ranlib'
strip = '$TARGET-strip'
pkg-config = '$TARGET-pkg-config'

[host_machine]
system = 'linux'
cpu_family = '$family'
cpu = '$processor'
endian = '$ENDIAN'
END

# A toolchain whose programs do not link is found here and not by the first recipe that fails.
printf '#include <stdio.h>\n#include <linux/if.h>\nint main(void) { return puts("x") < 0; }\n' > /build/check.c
"$out/bin/$TARGET-cc" -O2 -o /build/check /build/check.c
