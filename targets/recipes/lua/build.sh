export PATH="$toolchain/bin:$PATH"
cd "$source/src"
# POSIX, not Linux: a static program loads no modules in C.
make -j"$JOBS" CC="$TARGET-cc -std=gnu99" AR="$TARGET-ar rcD" RANLIB="$TARGET-ranlib" SYSCFLAGS=-DLUA_USE_POSIX a lua luac
mkdir -p "$out/bin" "$out/include" "$out/lib"
for name in lua luac; do "$TARGET-strip" -o "$out/bin/$name" $name; done
cp lua.h luaconf.h lualib.h lauxlib.h lua.hpp "$out/include/"
cp liblua.a "$out/lib/"
