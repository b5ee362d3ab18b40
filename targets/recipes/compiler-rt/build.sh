# Compiled without LLVM's CMake files: those want half of LLVM's source and choose ppc/*.c, which is for IBM's
# 128-bit long double. Laid out as a resource directory: clang -resource-dir=$out brings its own headers from here too.
lib=$out/lib/linux
mkdir -p "$lib" /build/objects
cp -RL "$(clang -print-resource-dir)/include" "$out/include"
compile="clang --target=$TARGET $TARGET_CFLAGS -O2 -std=c11 -ffreestanding -fno-builtin -fvisibility=hidden
    -fomit-frame-pointer -ffile-prefix-map=$source=. -Wno-unused-command-line-argument
    -nostdinc -isystem $out/include -isystem $musl/include -isystem $linux_headers/include"

# Which types the platform has, by asking its compiler: functions for the others do not compile.
has() { echo "int x[($1) ? 1 : -1];" | $compile -x c -fsyntax-only - 2> /dev/null; }
has "__LDBL_MANT_DIG__ == 64" && x87=yes || x87=no
has "__LDBL_MANT_DIG__ == 113" && quad=yes || quad=no
has "sizeof(__bf16) == 2" && bfloat=yes || bfloat=no

cd "$source/compiler-rt/lib/builtins"
architecture=${TARGET%%-*}
objects=
for file in *.c "$architecture"/float*.[cS]; do
    [ -e "$file" ] || continue
    name=$(basename "${file%.*}")
    case $name in
    # Not of this library, of other systems, or in need of an unwinder (libunwind comes with libc++).
    crtbegin | crtend | apple_versioning | os_version_check | gcc_personality_v0) continue ;;
    *bf[0-9]) [ $bfloat = yes ] || continue ;;
    *xftf* | *tfxf*) continue ;;
    *xf* | *xc3) [ $x87 = yes ] || continue ;;
    *tf* | *tc3) [ $quad = yes ] || continue ;;
    esac
    if [ "$file" = "$name.c" ] && { [ -e "$architecture/$name.c" ] || [ -e "$architecture/$name.S" ]; }; then
        continue # the architecture has its own
    fi
    objects="$objects $name.o"
    printf '%s.o:\n\t$(COMPILE) -c -o $@ %s\n' "$name" "$PWD/$file" >> /build/objects/rules
done
printf 'all:%s\n' "$objects" | cat - /build/objects/rules > /build/objects/Makefile
make -C /build/objects -j"$JOBS" COMPILE="$(echo $compile)"

llvm-ar rcsD "$lib/libclang_rt.builtins-$architecture.a" /build/objects/*.o
for part in crtbegin crtend; do
    $compile -DCRT_HAS_INITFINI_ARRAY -DEH_USE_FRAME_REGISTRY=0 -c -o "$lib/clang_rt.$part-$architecture.o" $part.c
done
