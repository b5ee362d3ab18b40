export PATH="$toolchain/bin:$PATH"
cd "$source"
make -j"$JOBS" CC="$TARGET-cc" AR="$TARGET-ar" NO_PYTHON=1 NO_YAML=1 STATIC_BUILD=1 EXTRA_CFLAGS="-Os -Wno-error" \
    dtc fdtdump fdtget fdtput fdtoverlay libfdt/libfdt.a
mkdir -p "$out/bin" "$out/include" "$out/lib"
for name in dtc fdtdump fdtget fdtput fdtoverlay; do "$TARGET-strip" -o "$out/bin/$name" $name; done
cp libfdt/libfdt.a "$out/lib/"
cp libfdt/fdt.h libfdt/libfdt.h libfdt/libfdt_env.h "$out/include/"
