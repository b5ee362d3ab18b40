# Only archives are made, as of musl: a program takes of them what it uses. Each function has a section of its own, so that the
# linker can leave out what of an object nobody calls (-Wl,--gc-sections).
cmake -S "$source/runtimes" -B /build/objects -G "Unix Makefiles" -DCMAKE_TOOLCHAIN_FILE="$toolchain/share/toolchain.cmake" \
    -DCMAKE_CXX_COMPILER_WORKS=ON -DCMAKE_BUILD_TYPE=MinSizeRel -DCMAKE_INSTALL_PREFIX="$out" \
    -DCMAKE_C_FLAGS="-ffunction-sections -fdata-sections" -DCMAKE_CXX_FLAGS="-ffunction-sections -fdata-sections" \
    -DLLVM_ENABLE_RUNTIMES="libunwind;libcxxabi;libcxx" -DLLVM_DEFAULT_TARGET_TRIPLE="$TARGET" \
    -DLLVM_INCLUDE_TESTS=OFF -DLLVM_INCLUDE_DOCS=OFF \
    -DLIBUNWIND_ENABLE_SHARED=OFF -DLIBUNWIND_USE_COMPILER_RT=ON -DLIBUNWIND_ENABLE_ASSERTIONS=OFF \
    -DLIBCXXABI_ENABLE_SHARED=OFF -DLIBCXXABI_USE_COMPILER_RT=ON -DLIBCXXABI_ENABLE_ASSERTIONS=OFF \
    -DLIBCXXABI_STATICALLY_LINK_UNWINDER_IN_STATIC_LIBRARY=OFF \
    -DLIBCXX_ENABLE_SHARED=OFF -DLIBCXX_USE_COMPILER_RT=ON -DLIBCXX_HAS_MUSL_LIBC=ON \
    -DLIBCXX_ENABLE_STATIC_ABI_LIBRARY=ON -DLIBCXX_INCLUDE_BENCHMARKS=OFF -DLIBCXX_INSTALL_MODULES=OFF
make -C /build/objects -j"$JOBS" cxx cxxabi unwind
make -C /build/objects install-cxx install-cxxabi install-unwind
