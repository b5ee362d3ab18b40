export PATH="$toolchain/bin:$PATH"
cd "$source"
CHOST=$TARGET CC=$TARGET-cc CFLAGS=-O2 ./configure --static --prefix=/usr
make -j"$JOBS" libz.a
mkdir -p "$out/include" "$out/lib/pkgconfig"
cp zlib.h zconf.h "$out/include/"
cp libz.a "$out/lib/"
sed 's:^prefix=.*:prefix=${pcfiledir}/../..:; s:=/usr:=${prefix}:' zlib.pc > "$out/lib/pkgconfig/zlib.pc"
