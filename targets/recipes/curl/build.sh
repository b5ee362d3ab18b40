export PATH="$toolchain/bin:$PATH"
cd "$source"
# Names that Debian makes as alternatives, which maintainer scripts set up.
ACLOCAL=$(echo /usr/bin/aclocal-*) AUTOMAKE=$(echo /usr/bin/automake-*) autoreconf -fi
mkdir /build/objects
cd /build/objects
"$source/configure" --host="$TARGET" --prefix=/usr --disable-shared --enable-static --with-mbedtls="$mbedtls" --with-zlib="$zlib" \
    --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt --without-libpsl --without-libidn2 --without-brotli --without-zstd \
    --without-nghttp2 --without-libssh2 --disable-ldap --disable-manual --disable-docs --disable-dict --disable-gopher \
    --disable-imap --disable-pop3 --disable-rtsp --disable-smb --disable-smtp --disable-telnet --disable-mqtt \
    CC="$TARGET-cc" AR="$TARGET-ar" RANLIB="$TARGET-ranlib" STRIP="$TARGET-strip" NM="$TARGET-nm" CFLAGS=-Os
make -j"$JOBS"
mkdir -p "$out/bin"
"$TARGET-strip" -o "$out/bin/curl" src/curl
