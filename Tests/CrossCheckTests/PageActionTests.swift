import Foundation
import SystemPackage
import TestSupport
import Testing

/// The real program, a real store and a real browser: an administrator publishes and rolls back on the page.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct PageActionTests {
    /// Runs inside a network of its own; `$0` is bootferry, then the folder, the system, its state directory, browse.py.
    private static let script = #"""
        set -u
        bootferry=$0 folder=$1 system=$2 state=$3 browse=$4
        page=http://127.0.0.1:8081
        ip link set lo up
        ip link add d0 type veth peer name d1
        ip link set d1 up
        ip address add 10.77.0.1/24 dev d0
        ip link set d0 up
        echo a-token-of-this-test >"$folder/token"
        "$bootferry" serve "$system" --interface d0 --dhcp off --page 127.0.0.1:8081 --page-token-file "$folder/token" \
            --state-dir "$state" >"$folder/served" 2>&1 &
        server=$!
        n=0
        until curl -sf $page/api/state >/dev/null || [ $((n += 1)) -gt 300 ]; do sleep 0.2; done
        [ $n -le 300 ] || { cat "$folder/served"; exit 1; }
        post() { # TOKEN PATH BODY: the status, and what was said
            curl -s -w ' %{http_code}\n' -H "Authorization: Bearer $1" -H 'Content-Type: application/json' -d "$3" $page$2
        }
        post wrong-token-of-16-letters /api/rollback '{"system": "page-node"}'
        curl -s -o /dev/null -w '%{http_code}\n' -H 'Authorization: Bearer a-token-of-this-test' -d system=page-node $page/api/rollback
        post a-token-of-this-test /api/rollback '{"system": "../page-node"}'
        "$browse" $page/ 1280 800 "$folder/page.png" \
            "wait:document.querySelector('.system') !== null" "do:document.getElementById('administrator').open = true" \
            "do:document.getElementById('token').value = 'a-token-of-this-test'" \
            "do:document.getElementById('token').dispatchEvent(new Event('input'))" \
            "do:[...document.querySelectorAll('button')].find((b) => b.textContent === 'Roll back').click()" \
            "wait:document.getElementById('answer').textContent.includes('new boots get generation')" \
            "wait:[...document.querySelectorAll('button')].some((b) => b.textContent.startsWith('Try'))"
        echo "browser $?"
        "$browse" $page/ 390 844 "$folder/phone.png" "wait:document.querySelector('.system') !== null"
        echo "phone $?"
        post a-token-of-this-test /api/publish '{"system": "page-node", "share": 25}'
        kill $server; wait $server
        """#

    @Test func `an administrator with the token rolls back on the page, and nobody else does`() async throws {
        try await withTemporaryFolder { folder in
            let program = BootferryProgram.shared
            let system = try TestSystem(in: folder, name: "page-node")
            let first = try await program.build(system.file).generation
            try system.write("hostname: page-\(UInt32.random(in: 0 ... .max))")
            let second = try await program.build(system.file).generation
            _ = try await program.run("publish", system.file.string, "--no-build")
            let browse = BootferryProgram.checkout.appending("Tests/Support/browse.py").string
            let done = try await execute(
                ["unshare"] + (geteuid() == 0 ? [] : ["--map-root-user"])
                    + ["--net", "--pid", "--mount-proc", "--fork", "--kill-child", "bash", "-c", Self.script]
                    + [BootferryProgram.path.string, folder.string, system.file.string, program.stateDirectory.string]
                    + [browse])
            let said = done.output + done.messages
            #expect(said.contains("the token is not the administrator's\"} 401"), "\(said)")
            #expect(said.contains("\n400\n"), "\(said)")
            #expect(said.contains("is no system that was published"), "\(said)")
            #expect(said.contains("browser 0") && said.contains("phone 0"), "\(said)")
            #expect(said.contains("page-node: new boots get generation \(first)"), "\(said)")
            #expect(
                said.contains("new boots get generation \(first), and \(second) on trial by 25% of the nodes"),
                "\(said)")
            try #require(done.succeeded, "\(said)")
            if let pictures = ProcessInfo.processInfo.environment["BOOTFERRY_SCREENSHOTS"] {
                for name in ["page.png", "phone.png"] {
                    try FileManager.default.copyItem(
                        atPath: folder.appending(name).string, toPath: "\(pictures)/\(first)-\(name)")
                }
            }
        }
    }
}
