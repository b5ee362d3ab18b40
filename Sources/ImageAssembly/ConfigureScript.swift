extension ConfigureBuilder {
    /// Runs in the sandbox under the toolbox's dash: unpacks, configures, and sends what changed to standard output as tar.
    ///
    /// `/build` is the scratch directory: `root` (the node's tree), `segments`, `winners`, `status`; `/out` is the output.
    /// Changes are told by inode change times instead of an overlay: the tree is scratch anyway, and so no
    /// mount, whiteout or attribute of overlayfs is asked of the host.
    static let script = #"""
        set -eu
        umask 022
        cd /build/root

        # 1. The packages' files, in the image's order; firmware is much to write, and no script reads it;
        # the sandbox has mounted what a root that is not the host's may not change.
        # Not by cpio(1): it writes 512 bytes at a time, which takes three times as long. And as one stream: a process for
        # each package takes half as long again, and so one core reads while the other writes.
        unpack() { segment=$1; shift; bsdtar -xpPf "$segment" --numeric-owner "$@"; }
        {
            bsdtar -cPf - --format pax --exclude '^proc' --exclude '^dev' --exclude '^tmp' --exclude '^run' \
                --exclude '^sys' --exclude '^usr/lib/firmware/*' $(sed 's/^/@/' /build/segments) ||
                : >/build/unread
        } | unpack -
        [ ! -e /build/unread ]
        # Python's own script calls this by its path, for seconds; the byte code is left out of the image.
        for file in usr/lib/python3*/py_compile.py; do if [ -e "$file" ]; then : >"$file"; fi; done

        # 2. From here on whatever changes is the configuration.
        find . -xdev -printf '%P\n' | LC_ALL=C sort >/build/before
        : >/build/stamp
        # Change times have the grain of the kernel's tick.
        sleep 0.05

        # 3. dpkg's idea of them: unpacked, configuration files with the sums that dpkg itself would have noted.
        info=var/lib/dpkg/info
        mkdir -p $info var/lib/dpkg/updates var/lib/dpkg/triggers var/lib/dpkg/alternatives var/lib/dpkg/parts
        echo 1 >$info/format
        echo /. >$info/bootferry-init.list
        : >$info/bootferry-init.md5sums
        : >var/lib/dpkg/available
        grep -E '^ /.* newconffile$' /build/status | sed 's/^ //; s/ newconffile$//' | while read -r file; do
            if [ -f ".$file" ]; then printf '%s\0' ".$file"; fi
        done | xargs -0 -r md5sum >/build/sums
        awk 'FILENAME == ARGV[1] { sum[substr($0, 36)] = substr($0, 1, 32); next }
             / newconffile$/ { file = substr($0, 2, length($0) - 13); if (file in sum) print " " file " " sum[file]; next }
             { print }' /build/sums /build/status >var/lib/dpkg/status
        for file in $info/*.triggers; do
            [ -e "$file" ] || continue
            package=${file##*/}; package=${package%.triggers}
            while read -r directive name rest; do
                case $directive in
                interest|interest-await) suffix= ;;
                interest-noawait) suffix=/noawait ;;
                *) continue ;;
                esac
                case $name in
                /*) echo "$name $package$suffix" >>var/lib/dpkg/triggers/File ;;
                *) echo "$package$suffix" >>var/lib/dpkg/triggers/"$name" ;;
                esac
            done <"$file"
        done
        keys=
        if [ -x usr/sbin/sshd ]; then
            # Keys are made per node: placeholders keep the package from making some here.
            for kind in rsa ecdsa ed25519; do : >etc/ssh/ssh_host_${kind}_key; done
            keys=yes
        fi
        mkdir -p usr/sbin
        printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
        chmod 755 usr/sbin/policy-rc.d
        while IFS='	' read -r segment path; do
            unpack "$segment" "$path"
        done </build/winners

        # 4. The maintainer scripts.
        inside() { chroot /build/root /usr/bin/env -i PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC0 TERM=dumb \
            DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true DEBCONF_NOWARNINGS=yes INITRD=No SYSTEMD_OFFLINE=1 \
            SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" "$@" >&2 </dev/null; }
        preinst() {
            file=${1##*/}; name=${file%.preinst}
            echo "Preparing $name ..." >&2
            inside PATH=/run/bootferry:/usr/sbin:/usr/bin DPKG_MAINTSCRIPT_PACKAGE="${name%%:*}" \
                DPKG_MAINTSCRIPT_NAME=preinst DPKG_MAINTSCRIPT_ARCH="$DPKG_ARCH" DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=1 \
                DPKG_ADMINDIR=/var/lib/dpkg DPKG_ROOT= DPKG_RUNNING_VERSION="$dpkg_version" "/$1" install ||
                { echo "dpkg: error processing package ${name%%:*} (preinst): its script failed" >&2; exit 1; }
        }
        dpkg_version=$(chroot . dpkg-query -W -f '${Version}' dpkg 2>/dev/null || echo 1.22)
        configure() { inside PATH=/run/bootferry/configure:/usr/sbin:/usr/bin dpkg --force-depends --force-unsafe-io --force-confold --no-pager --configure "$@"; }
        # A file that a script diverts is already overwritten by the diverter's own, so moving it is for step 5.
        mkdir run/bootferry
        cat >run/bootferry/dpkg-divert <<'END'
        #!/bin/sh
        for argument; do
            shift
            case $argument in --rename) argument=--no-rename ;; esac
            set -- "$@" "$argument"
        done
        exec /usr/bin/dpkg-divert "$@"
        END
        chmod 755 run/bootferry/dpkg-divert
        # Reading every module takes seconds: another core does it meanwhile, and the kernel's own script waits for that.
        mkdir run/bootferry/configure run/bootferry/depmod
        cat >run/bootferry/configure/depmod <<'END'
        #!/bin/sh
        status=/run/bootferry/depmod/${1-}
        if [ $# != 1 ] || [ ! -f "$status" ]; then exec /usr/sbin/depmod "$@"; fi
        until [ -s "$status" ]; do sleep 0.1; done
        exit "$(cat "$status")"
        END
        # What these make takes seconds and is left out of the image.
        for name in systemd-hwdb py3compile; do printf '#!/bin/sh\n' >run/bootferry/configure/$name; done
        chmod 755 run/bootferry/configure/*
        if [ -x usr/sbin/depmod ]; then
            for release in usr/lib/modules/*; do
                if [ ! -d "$release/kernel" ]; then continue; fi
                release=${release##*/}
                : >run/bootferry/depmod/"$release"
                { result=0; inside depmod "$release" || result=$?; echo $result >run/bootferry/depmod/"$release"; } &
            done
        fi
        # Accounts first: other packages' scripts need root to have a name.
        if [ -e $info/base-passwd.postinst ]; then
            if [ -e $info/base-passwd.preinst ]; then preinst $info/base-passwd.preinst; fi
            configure base-passwd
        fi
        for file in $info/*.preinst; do
            case $file in "$info/*.preinst"|$info/base-passwd.preinst) ;; *) preinst "$file" ;; esac
        done

        # 5. Diversions, and files of two packages that none of them explains.
        canonical() { printf '%s\n' "$1" | sed -E 's#^/+##; s#^(bin|sbin|lib|lib32|lib64|libx32|libo32)/#usr/\1/#'; }
        extract() { # package, canonical path
            segment=$(awk -F '\t' -v name="$1" '$1 == name { print $2 }' /build/packages)
            unpack "$segment" "$(printf '%s\n' "$2" | sed 's/[][*?\\]/\\&/g')"
        }
        : >/build/diverted
        if [ -e var/lib/dpkg/diversions ]; then
            while read -r from && read -r to && read -r diverter; do
                path=$(canonical "$from")
                moved=
                for list in $(grep -lxF -e "$from" $info/*.list); do
                    package=${list##*/}; package=${package%.list}
                    if [ "${package%%:*}" != "$diverter" ]; then
                        extract "$package" "$path"
                        mkdir -p "$(dirname "$(canonical "$to")")"
                        mv "$path" "$(canonical "$to")"
                        moved=yes
                    fi
                done
                for list in $info/"$diverter".list $info/"$diverter":*.list; do
                    if [ -n "$moved" ] && [ -e "$list" ] && grep -qxF -e "$from" "$list"; then
                        package=${list##*/}; extract "${package%.list}" "$path"
                    fi
                done
                echo "$path" >>/build/diverted
            done <var/lib/dpkg/diversions
        fi
        while IFS='	' read -r path first second; do
            grep -qxF -e "$path" /build/diverted || { echo "bootferry: conflict $path	$first	$second" >&2; exit 1; }
        done </build/contested
        configure -a
        wait
        for status in run/bootferry/depmod/*; do
            if [ -e "$status" ] && [ "$(cat "$status")" != 0 ]; then echo "depmod ${status##*/} failed" >&2; exit 1; fi
        done

        if [ -n "$LOCALE" ]; then
            if [ ! -e usr/share/i18n/charmaps ]; then echo "bootferry: locale $LOCALE" >&2; exit 1; fi
            modifier=; case $LOCALE in *@*) modifier=@${LOCALE#*@} ;; esac
            name=${LOCALE%@*}; charset=UTF-8
            case $name in *.*) charset=${name#*.}; name=${name%.*} ;; esac
            mkdir -p usr/lib/locale
            # A folder rather than the archive, which notes times.
            inside localedef --no-archive -i "$name$modifier" -f "$charset" "/usr/lib/locale/$LOCALE" ||
                { echo "bootferry: locale $LOCALE" >&2; exit 1; }
        fi

        # 6. What later steps read.
        mkdir -p /out/accounts /out/units/etc/systemd /out/units/usr/lib/systemd /out/skel
        for file in passwd group shadow gshadow; do
            if [ -e etc/$file ]; then cp etc/$file /out/accounts/$file; else : >/out/accounts/$file; fi
        done
        chmod 644 /out/accounts/*
        for directory in etc/systemd/system usr/lib/systemd/system; do
            if [ -d $directory ]; then cp -R --no-preserve=all $directory /out/units/${directory%/system}/
            else mkdir -p /out/units/$directory; fi
        done
        if [ -d etc/skel ]; then cp -R --no-preserve=all etc/skel/. /out/skel/; fi
        if [ -e usr/lib/os-release ]; then cp --no-preserve=all usr/lib/os-release /out/os-release; else : >/out/os-release; fi

        # 7. The difference.
        rm -f usr/sbin/policy-rc.d
        if [ -n "$keys" ]; then rm -f etc/ssh/ssh_host_*; fi
        find . -xdev -printf '%P\n' | LC_ALL=C sort >/build/after
        LC_ALL=C comm -23 /build/before /build/after >/out/removals
        { find . -xdev -newercc /build/stamp -printf '%P\n'; LC_ALL=C comm -13 /build/before /build/after; } |
            LC_ALL=C sort -u | sed '/^$/d' >/build/changed
        tar --create --format=posix --no-recursion --verbatim-files-from --files-from=/build/changed --numeric-owner \
            --hard-dereference --xattrs --xattrs-include=security.capability --warning=no-file-ignored
        """#
}
