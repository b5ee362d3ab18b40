# As a developer does it who has read nothing but the names of the toolchain's files.
export PATH="$toolchain_cxx/bin:$PATH"
cp -R --no-preserve=mode "$recipe/hello" /build/hello
mkdir -p "$out/bin"

make -C /build/hello CXX="$TARGET-c++"
"$TARGET-strip" -o "$out/bin/hello-by-make" /build/hello/hello

cmake -S /build/hello -B /build/by-cmake -G Ninja -DCMAKE_TOOLCHAIN_FILE="$toolchain_cxx/share/toolchain.cmake" \
    -DCMAKE_BUILD_TYPE=MinSizeRel
cmake --build /build/by-cmake
"$TARGET-strip" -o "$out/bin/hello-by-cmake" /build/by-cmake/hello

meson setup --cross-file "$toolchain_cxx/share/meson.cross" --buildtype minsize /build/by-meson /build/hello
meson compile -C /build/by-meson
"$TARGET-strip" -o "$out/bin/hello-by-meson" /build/by-meson/hello
