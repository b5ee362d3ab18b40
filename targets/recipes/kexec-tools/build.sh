export PATH="$toolchain/bin:$PATH"
cd "$source"
./configure --host="$TARGET" --prefix=/usr --without-zlib --without-lzma --without-xen \
    CC="$TARGET-cc" AR="$TARGET-ar" STRIP="$TARGET-strip" OBJCOPY="$TARGET-objcopy" LD="$TARGET-ld" BUILD_CC=clang CFLAGS=-Os
make -j"$JOBS"
mkdir -p "$out/sbin"
"$TARGET-strip" -o "$out/sbin/kexec" build/sbin/kexec
