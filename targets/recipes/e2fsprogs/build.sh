export PATH="$toolchain/bin:$PATH"
mkdir /build/objects
cd /build/objects
# What busybox has, and what nobody needs on a node in RAM (debugfs, e2image, badblocks), is left out: each static
# program is half a megabyte.
"$source/configure" --host="$TARGET" --prefix=/usr --sysconfdir=/etc --disable-nls --disable-uuidd --disable-fsck \
    --disable-rpath --disable-e2initrd-helper --disable-fuse2fs --without-libarchive --without-crond-dir \
    --without-systemd-unit-dir --without-udev-rules-dir --with-pthread=no \
    CC="$TARGET-cc" AR="$TARGET-ar" RANLIB="$TARGET-ranlib" STRIP="$TARGET-strip" BUILD_CC=clang CFLAGS=-Os
make -j"$JOBS" libs
make -j"$JOBS" -C e2fsck e2fsck
make -j"$JOBS" -C misc mke2fs tune2fs dumpe2fs chattr lsattr mke2fs.conf
make -j"$JOBS" -C resize resize2fs
mkdir -p "$out/bin" "$out/sbin" "$out/etc"
for name in e2fsck/e2fsck misc/mke2fs misc/tune2fs misc/dumpe2fs resize/resize2fs; do
    "$TARGET-strip" -o "$out/sbin/${name##*/}" $name
done
for name in chattr lsattr; do "$TARGET-strip" -o "$out/bin/$name" misc/$name; done
for kind in ext2 ext3 ext4; do
    ln -s e2fsck "$out/sbin/fsck.$kind"
    ln -s mke2fs "$out/sbin/mkfs.$kind"
done
ln -s tune2fs "$out/sbin/e2label"
cp misc/mke2fs.conf "$out/etc/"
