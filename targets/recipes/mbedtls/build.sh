export PATH="$toolchain/bin:$PATH"
cd "$source"
# GEN_FILES= takes the generated files that the release has: making them again needs Python and Perl modules.
make -C library -j"$JOBS" CC="$TARGET-cc" AR="$TARGET-ar" ARFLAGS=rcD RANLIB="$TARGET-ranlib" CFLAGS=-Os GEN_FILES= static
mkdir -p "$out/lib" "$out/include"
cp library/*.a "$out/lib/"
cp -R include/mbedtls include/psa "$out/include/"
