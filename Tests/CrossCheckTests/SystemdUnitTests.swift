import Foundation
import Glibc
import SystemPackage
import TestSupport
import Testing

/// The shipped unit under a real systemd, installed as its first lines say: process 1 of a container whose root is an overlay over
/// this host's, in a network of its own.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct SystemdUnitTests {
    /// Becomes systemd; `$0` is bootferry, then the folder, a state directory, the checkout.
    private static let container = #"""
        set -eu
        cd "$1"
        mkdir layers; mount -t tmpfs tmpfs layers; mkdir layers/up layers/work layers/root
        root=$PWD/layers/root
        mount -t overlay overlay -o "lowerdir=/,upperdir=$PWD/layers/up,workdir=$PWD/layers/work" "$root"
        make -s -C "$3" install BOOTFERRY="$0" DESTDIR="$root"
        state=$root/var/lib/bootferry
        mkdir -p "$state/store" "$state/tmp" "$root/etc/bootferry"
        cp -a "$2"/db "$2"/roots "$2"/locks "$2"/generations "$2"/log "$state"
        chroot "$root" useradd --system --no-create-home bootferry
        chroot "$root" chown -R bootferry: /var/lib/bootferry
        mount --bind "$2/store" "$state/store"
        cp site.yaml "$root/etc/bootferry/"; cp probe "$root/"

        cd "$root"
        mount -t proc proc proc; mount -t sysfs -o ro sysfs sys; mount -t cgroup2 cgroup2 sys/fs/cgroup
        for place in run tmp; do mount -t tmpfs tmpfs $place; done
        mount -t tmpfs -o mode=755 tmpfs dev; mkdir dev/pts dev/shm; mount -t devpts devpts dev/pts; ln -s pts/ptmx dev/ptmx
        device() { mknod -m 666 dev/$1 c $2 $3; }
        device null 1 3; device zero 1 5; device full 1 7; device random 1 8; device urandom 1 9; device tty 5 0
        for file in result served; do touch "$1/$file" $file; mount --bind "$1/$file" $file; done
        mkdir -p etc/systemd/system/bootferry.service.d
        printf '[Service]\nStandardError=file:/served\n' >etc/systemd/system/bootferry.service.d/told.conf
        cat >etc/systemd/system/probe.service <<END
        [Unit]
        Wants=bootferry.service
        After=bootferry.service
        [Service]
        Type=oneshot
        TimeoutStartSec=120
        ExecStart=/bin/bash /probe
        ExecStopPost=/bin/systemctl exit
        StandardOutput=file:/result
        StandardError=file:/result
        END
        ip link add veth0 type veth peer name veth1; ip address add 10.77.0.1/24 dev veth0
        for end in lo veth0 veth1; do ip link set $end up; done
        mkdir before; pivot_root . before; umount -l before
        exec env -i container=bootferry-test PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --unit=probe.service
        """#

    /// Runs in there as a unit of its own.
    private static let probe = #"""
        set -u
        cd /tmp
        now() { systemctl show bootferry -p "$1" --value; }
        wait_for() { n=0; until "$@" || [ $((n += 1)) -gt 200 ]; do sleep 0.1; done; }
        serves() { grep -q '^Ctrl-C' /served; }
        wait_for serves
        pid=$(now MainPID)
        echo "runs as $(stat -c %U /proc/$pid) by $(now FragmentPath)"
        for task in /proc/$pid/task/*; do
            grep -hE '^(CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp):' $task/status | tr -s '\t\n' ' '; echo
        done | sort -u | sed 's/^/rights /'
        ip netns add client; ip link set veth1 netns client
        ip -n client link set lo up; ip -n client address add 10.77.0.50/24 dev veth1; ip -n client link set veth1 up
        printf '#!/bin/sh\n[ "$1" != bound ] || echo "got $ip $boot_file"\n' >bound; chmod +x bound
        discover() {
            ip netns exec client busybox udhcpc -i veth1 -n -q -f -s ./bound -V PXEClient:Arch:00000:UNDI:002001 -x 93:0000 \
                2>/dev/null | grep '^got'
        }
        lent=$(discover); echo "$lent"
        ip netns exec client curl -sf tftp://10.77.0.1/kernel -o by-tftp
        ip netns exec client curl -sf http://10.77.0.1:8080/kernel -o by-http
        cmp by-tftp by-http && echo "kernel $(stat -c %s by-tftp)"
        : >/served
        kill -9 $pid
        wait_for serves
        echo "started again $(now NRestarts), $(now ActiveState)"
        [ "$(discover | cut -d' ' -f2)" = "$(echo "$lent" | cut -d' ' -f2)" ] && echo "the same address"
        systemctl stop bootferry
        echo "stopped: $(now Result)"
        stat -c 'owner %U' /var/lib/bootferry/netboot/leases-veth0.json
        """#

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["CI"] == "true" || geteuid() == 0, "needs root, to be a container's"
        ))
    func `systemd starts what make install installed as a user without rights, and starts it again when it is killed`()
        async throws
    {
        try await withTemporaryFolder { folder in
            let program = try await BootferryProgram.copyOfShared(in: folder)
            try Self.probe.write(toFile: folder.appending("probe").string, atomically: false, encoding: .utf8)
            try """
            version: 1
            networks: {veth0: {dhcp: full, authoritative: yes, ranges: [10.77.0.100-10.77.0.110]}}
            systems: {minimal: minimal}
            unknown: {answer: system, system: minimal}

            """.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
            // A systemd that cannot go on stays as it is, for ever, and unshare heeds no milder signal.
            let done = try await execute(
                [
                    "timeout", "--signal=KILL", "240", "unshare", "--mount", "--pid", "--net", "--uts", "--ipc",
                    "--cgroup", "--fork", "--kill-child", "bash", "-c", Self.container, BootferryProgram.path.string,
                    folder.string, program.stateDirectory.string, BootferryProgram.checkout.string,
                ])
            func content(_ name: String) -> String {
                (try? String(contentsOfFile: folder.appending(name).string, encoding: .utf8)) ?? ""
            }
            let said = content("result")
            let all = "\(said)\n\(content("served"))\n\(done.output)\(done.messages)"
            #expect(said.contains("runs as bootferry by /usr/local/lib/systemd/system/bootferry.service"), "\(all)")
            let none = "0000000000000000"
            #expect(
                said.components(separatedBy: "\n").filter { $0.hasPrefix("rights ") }.map {
                    $0.trimmingCharacters(in: .whitespaces)
                } == ["rights CapPrm: \(none) CapEff: \(none) CapAmb: \(none) NoNewPrivs: 1 Seccomp: 2"], "\(all)")
            #expect(said.contains(/got 10\.77\.0\.1[01][0-9] boot\//), "\(all)")
            #expect(said.contains(/kernel [0-9]{7}/), "\(all)")
            #expect(said.contains("started again 1, active") && said.contains("the same address"), "\(all)")
            #expect(!all.contains("warning"), "\(all)")
            #expect(said.contains("stopped: success") && said.contains("owner bootferry"), "\(all)")
        }
    }
}
