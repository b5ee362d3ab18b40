export PATH="$toolchain/bin:$PATH"
mkdir /build/objects
cd /build/objects
# Nothing is logged to utmp, wtmp or lastlog: the files do not exist on a node in RAM. Whether programs are
# position-independent is the toolchain's to say.
"$source/configure" --host="$TARGET" --prefix=/usr --disable-zlib --enable-bundled-libtom --enable-static --disable-harden \
    --disable-lastlog --disable-utmp --disable-utmpx --disable-wtmp --disable-wtmpx --disable-pututline --disable-pututxline \
    CC="$TARGET-cc" AR="$TARGET-ar" RANLIB="$TARGET-ranlib" STRIP="$TARGET-strip" CFLAGS=-Os
make -j"$JOBS" MULTI=1 SCPPROGRESS=0 PROGRAMS="dropbear dbclient dropbearkey dropbearconvert scp"
mkdir -p "$out/bin"
"$TARGET-strip" -o "$out/bin/dropbearmulti" dropbearmulti
for name in dropbear dbclient dropbearkey dropbearconvert scp; do ln -s dropbearmulti "$out/bin/$name"; done
ln -s dropbearmulti "$out/bin/ssh"
