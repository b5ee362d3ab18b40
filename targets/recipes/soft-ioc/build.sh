from=$epics_base/bin/linux-$PLATFORM
mkdir -p "$out/bin" "$out/libexec" "$out/dbd"
for name in caget caput camonitor cainfo caRepeater; do "$toolchain/bin/$TARGET-strip" -o "$out/bin/$name" "$from/$name"; done
"$toolchain/bin/$TARGET-strip" -o "$out/libexec/softIoc" "$from/softIoc"
cp "$epics_base/dbd/softIoc.dbd" "$out/dbd/"
# softIoc was told at compile time of another place for its definitions; -D must come first.
printf '#!/bin/sh\nexec %s/libexec/softIoc -D %s/dbd/softIoc.dbd "$@"\n' "$out" "$out" > "$out/bin/softIoc"
chmod 755 "$out/bin/softIoc"
