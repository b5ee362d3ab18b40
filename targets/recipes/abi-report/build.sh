mkdir -p "$out/bin"
"$toolchain_cxx/bin/$TARGET-c++" -std=c++20 -Wall -Wextra -Werror -Os -s -o "$out/bin/abi-report" "$recipe/abi-report.cc"
