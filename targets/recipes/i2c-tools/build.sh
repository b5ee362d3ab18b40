export PATH="$toolchain/bin:$PATH"
cd "$source"
make -j"$JOBS" CC="$TARGET-cc" AR="$TARGET-ar" STRIP="$TARGET-strip" CFLAGS=-Os BUILD_DYNAMIC_LIB=0 BUILD_STATIC_LIB=1 USE_STATIC_LIB=1 all-tools
mkdir -p "$out/sbin"
for name in i2cdetect i2cdump i2cget i2cset i2ctransfer; do "$TARGET-strip" -o "$out/sbin/$name" tools/$name; done
