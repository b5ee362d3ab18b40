import Foundation
import SystemPackage
import TestSupport
import Testing

/// A machine that nobody knows asks; an administrator makes it a node on the page, in a real browser, and the running server
/// knows it at once. What a person then writes into the site file it takes over, or says why not.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct PageAdoptionTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, its state directory, browse.py.
    private static let script = #"""
        set -u
        bootferry=$0 folder=$1 state=$2 browse=$3
        page=http://127.0.0.1:8081 mac=52:54:00:00:aa:01
        ip link set lo up
        ip link add d0 type veth peer name d1 address $mac
        ip link set d1 up
        ip address add 10.77.0.1/24 dev d0
        ip link set d0 up
        cd "$folder"
        echo a-token-of-this-test >token
        "$bootferry" serve site.yaml --no-build --page 127.0.0.1:8081 --page-token-file token \
            --state-dir "$state" >served 2>&1 &
        server=$!
        n=0
        until curl -sf $page/api/state >/dev/null || [ $((n += 1)) -gt 300 ]; do sleep 0.2; done
        [ $n -le 300 ] || { cat served; exit 1; }
        said() { n=0; until grep -q "$1" served || [ $((n += 1)) -gt 150 ]; do sleep 0.2; done; [ $n -le 150 ] && echo "heard: $1"; }
        adopt() { curl -s -w ' %{http_code}\n' -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "$2" $page/api/adopt; }
        busybox udhcpc -i d1 -n -q -f -t 2 -T 1 -s /bin/true -V PXEClient:Arch:00000:UNDI:002001 -x 93:0000 >/dev/null 2>&1
        adopt wrong-token-of-16-letters "{\"mac\": \"$mac\"}"
        adopt a-token-of-this-test '{"mac": "no address"}'
        "$browse" $page/ 1280 800 "$folder/page.png" \
            "do:row = () => [...document.querySelectorAll('.stranger')].find((one) => one.textContent.includes('$mac'))" \
            "wait:row() !== undefined" \
            "do:document.getElementById('administrator').open = true" \
            "do:document.getElementById('token').value = 'a-token-of-this-test'" \
            "do:document.getElementById('token').dispatchEvent(new Event('input'))" \
            "do:row().querySelector('input').value = 'bench-7'" \
            "do:row().querySelector('select').value = 'adopted'" \
            "do:row().querySelector('button').click()" \
            "wait:document.getElementById('answer').textContent.includes('is a node now')" \
            "wait:row() === undefined"
        echo "browser $?"
        said "read anew: 1 node"
        adopt a-token-of-this-test "{\"mac\": \"$mac\", \"name\": \"other\"}"
        curl -s $page/api/state | grep -q "$mac" || echo "no stranger any more"
        echo 'nodes: {written: {macs: [52:54:00:00:aa:02], system: adopted}}' >>site.yaml
        said "read anew: 2 nodes"
        sed -i 's/^nodes:.*/nodes: {written: {macs: [52:54:00:00:aa:02], sistem: adopted}}/' site.yaml
        said "did you mean"
        sed -i 's/^nodes:.*/nodes: {}/; s/^http-port: .*/http-port: 8090/' site.yaml
        said "start it again"
        kill $server; wait $server
        cat served nodes.yaml
        """#

    @Test func `a machine is adopted on the page, and the running server takes over what changes`() async throws {
        let program = BootferryProgram.shared
        try await withTemporaryFolder { folder in
            // Built and never published, as what a site has imported.
            let system = try TestSystem(in: folder, name: "adopted", "hostname: adopted")
            _ = try await program.build(system.file)
            try """
            version: 1
            networks: {d0: {dhcp: full, ranges: [10.77.0.100-10.77.0.199]}}
            http-port: 8080
            systems: {adopted: \(system.file.string)}
            unknown: {answer: nothing}

            """.write(toFile: folder.appending("site.yaml").string, atomically: false, encoding: .utf8)
            let browse = BootferryProgram.checkout.appending("Tests/Support/browse.py").string
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", Self.script]
                    + [BootferryProgram.path.string, folder.string, program.stateDirectory.string, browse])
            let said = done.output + done.messages
            try #require(done.succeeded, "\(said)")
            #expect(said.contains("the token is not the administrator's\"} 401"), "\(said)")
            #expect(said.contains("expected JSON such as") && said.contains("} 400"), "\(said)")
            #expect(said.contains("browser 0"), "\(said)")
            #expect(said.contains("is already that of node 'bench-7'"), "\(said)")
            #expect(said.contains("no stranger any more"), "\(said)")
            for heard in ["read anew: 1 node", "read anew: 2 nodes", "did you mean", "start it again"] {
                #expect(said.contains("heard: \(heard)"), "\(heard): \(said)")
            }
            #expect(said.contains(#"  "bench-7": {"macs": ["52:54:00:00:aa:01"], "system": "adopted"}"#), "\(said)")
            if let pictures = ProcessInfo.processInfo.environment["BOOTFERRY_SCREENSHOTS"] {
                try FileManager.default.copyItem(
                    atPath: folder.appending("page.png").string, toPath: "\(pictures)/adopted.png")
            }
        }
    }
}
