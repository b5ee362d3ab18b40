export PATH="$toolchain/bin:$PATH"
cd "$source"
zmake() {
    make -j"$JOBS" CC="$TARGET-cc" AR="$TARGET-ar" PREFIX=/usr UNAME_TARGET_SYSTEM=Linux ZSTD_LEGACY_SUPPORT=0 \
        HAVE_ZLIB=0 HAVE_LZMA=0 HAVE_LZ4=0 "$@"
}
zmake -C lib libzstd.a libzstd.pc
zmake -C programs zstd-release
mkdir -p "$out/bin" "$out/include" "$out/lib/pkgconfig"
"$TARGET-strip" -o "$out/bin/zstd" programs/zstd
for name in unzstd zstdcat zstdmt; do ln -s zstd "$out/bin/$name"; done
cp lib/zstd.h lib/zstd_errors.h lib/zdict.h "$out/include/"
cp lib/libzstd.a "$out/lib/"
sed 's:^prefix=.*:prefix=${pcfiledir}/../..:' lib/libzstd.pc > "$out/lib/pkgconfig/libzstd.pc"
