mkdir /build/objects
cd /build/objects
# Only static programs are made: nothing on a node in RAM shares a library with more than a few others.
"$source/configure" --target="$TARGET" --prefix="$out" --disable-shared --disable-wrapper \
    CC="clang --target=$TARGET" AR=llvm-ar RANLIB=llvm-ranlib \
    CFLAGS="$TARGET_CFLAGS -Os -ffile-prefix-map=/build/source=musl -Wno-unused-command-line-argument" LIBCC=
make -j"$JOBS"
make install
