# A recipe of its own, so that what is in C alone does not wait for C++'s library.
mkdir "$out"
cp -R --no-preserve=ownership "$toolchain/." "$out/"
chmod -R u+w "$out"
cp -R --no-preserve=mode "$libcxx/include" "$libcxx/lib" "$out/sysroot/usr/"
# Its functions have sections of their own: of a small program 40% are never called.
echo '-Wl,--gc-sections' >> "$out/lib/c++.cfg"

# A toolchain whose programs do not link is found here and not by the first recipe that fails.
cat > /build/check.cc << 'END'
#include <iostream>
#include <stdexcept>
#include <thread>
int main() {
    std::thread([] { try { throw std::runtime_error("x"); } catch (const std::exception &e) { std::cout << e.what(); } }).join();
}
END
"$out/bin/$TARGET-c++" -std=c++20 -Os -o /build/check /build/check.cc
