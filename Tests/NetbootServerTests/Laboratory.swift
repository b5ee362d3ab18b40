import BootPolicy
import Foundation
import SystemModel
import Testing

/// A program run to its end, and what it said.
struct Finished {
    var status: Int32
    var output: String
}

/// A network of its own for one test: two namespaces joined by a virtual cable, one with the server, one with the clients.
///
/// The server is a process of its own, since a namespace is entered before a program starts.
final class Laboratory {
    static let tools = ["ip", "bash", "curl", "atftp", "tftp", "busybox", "dhclient", "dnsmasq", "tshark", "python3"]

    /// Namespaces need root; the tools may be absent anywhere but where all must run.
    static var isPossible: Bool {
        ProcessInfo.processInfo.environment["CI"] == "true" || (getuid() == 0 && tools.allSatisfy { find($0) != nil })
    }

    /// True where these further tools are there, or must be.
    static func finds(_ tools: [String]) -> Bool {
        ProcessInfo.processInfo.environment["CI"] == "true" || tools.allSatisfy { find($0) != nil }
    }

    let directory: URL
    let serverSide: String
    let clientSide: String
    private var running: [Process] = []

    init() throws {
        let tag = String(UInt32.random(in: 0 ... .max), radix: 36)
        serverSide = "bfs\(tag)"
        clientSide = "bfc\(tag)"
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("bootferry-\(tag)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for command in [
            "netns add \(serverSide)", "netns add \(clientSide)",
            "-n \(serverSide) link add veth0 type veth peer name veth1 netns \(clientSide)",
            "-n \(serverSide) link set lo up", "-n \(clientSide) link set lo up",
            "-n \(serverSide) address add 10.77.0.1/24 dev veth0", "-n \(serverSide) link set veth0 up",
            "-n \(clientSide) address add 10.77.0.50/24 dev veth1", "-n \(clientSide) link set veth1 up",
        ] {
            let done = try Self.run("ip", command.split(separator: " ").map(String.init))
            try #require(done.status == 0, "ip \(command): \(done.output)")
        }
        try writeImage()
    }

    deinit {
        killAll()
        for namespace in [serverSide, clientSide] { _ = try? Self.run("ip", ["netns", "del", namespace]) }
        try? FileManager.default.removeItem(at: directory)
    }

    // MARK: - The image served

    /// 1,500,003 bytes that no off-by-one leaves alike.
    static let kernel = Data((0..<1_500_003).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) })
    static let segments = [
        Data(repeating: 7, count: 1001), Data((0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }),
    ]
    static var initramfs: Data { segments.reduce(into: Data()) { $0 += $1 + Data(count: -$1.count & 3) } }

    private func writeImage() throws {
        let store = directory.appendingPathComponent("store/abc-image")
        try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
        func part(_ name: String, _ data: Data) throws -> ImageManifest.Part {
            try data.write(to: store.appendingPathComponent(name))
            return .init(path: "/nix/store/abc-image/\(name)", size: data.count)
        }
        let manifest = ImageManifest(
            system: "lab-node", platform: "x86_64", kernel: try part("kernel", Self.kernel), kernelRelease: "6.1",
            kernelParameters: ["quiet"],
            segments: try Self.segments.enumerated().map { index, data in
                .init(
                    part: try part("segment\(index)", data),
                    summary: .init(name: "s\(index)", size: data.count, unpackedBytes: 0, inodes: 0))
            },
            loaders: ["undionly.kpxe": try part("undionly.kpxe", Data("loader".utf8))], peakMemory: 0)
        try JSONEncoder().encode(manifest).write(to: file("manifest.json"))
        try Data("#!ipxe\nkernel {{{base}}}/kernel {{{parameters}}}\n".utf8).write(to: file("boot.ipxe"))
    }

    func file(_ name: String) -> URL { directory.appendingPathComponent(name) }

    // MARK: - Processes

    /// The server's program, which is built beside the tests.
    static var harness: String { product("netboot-harness") }

    static func product(_ name: String) -> String {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appendingPathComponent(name).path
    }

    /// Starts the server and waits until it serves; returns what it says, as it says it.
    /// - Parameter attempt: Every boot's identifier; nil gives each its own.
    func serve(_ options: [String] = [], attempt: String? = "a1") throws -> () -> String {
        let arguments =
            [
                "--interface", "veth0", "--manifest", file("manifest.json").path, "--store", file("store").path,
                "--ipxe-template", file("boot.ipxe").path,
            ] + (attempt.map { ["--attempt", $0] } ?? []) + options
        let (process, said) = try start(in: serverSide, Self.harness, arguments)
        for _ in 0..<200 where process.isRunning && !said().contains("ready ") { usleep(50_000) }
        return said
    }

    /// Starts a program in a namespace; it ends with the laboratory.
    @discardableResult
    func start(in namespace: String, _ program: String, _ arguments: [String]) throws -> (Process, () -> String) {
        let output = file("output\(running.count)")
        try Data().write(to: output)
        let handle = try FileHandle(forWritingTo: output)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(Self.find("ip")))
        process.arguments = ["netns", "exec", namespace, program] + arguments
        process.standardOutput = handle
        process.standardError = handle
        process.standardInput = FileHandle.nullDevice
        try process.run()
        running.append(process)
        return (process, { (try? String(contentsOf: output, encoding: .utf8)) ?? "" })
    }

    /// Ends every process at once, as a power cut would, and waits.
    func killAll() {
        for process in running where process.isRunning {
            // Not SIGTERM: a test's children start with most signals blocked.
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// The process of the server that was started last.
    var server: Int32? {
        running.last { $0.isRunning && $0.arguments?.contains(Self.harness) == true }?.processIdentifier
    }

    /// Ends the servers alone, as `kill -9` does, and leaves the clients.
    func killServers() throws {
        for process in running where process.isRunning && process.arguments?.contains(Self.harness) == true {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }
    }

    /// Runs a bash line where the clients are: not dash, whose `wait` never ends under the signal mask of a test.
    func client(_ line: String) throws -> Finished {
        try Self.run("ip", ["netns", "exec", clientSide, "bash", "-c", "cd \(directory.path) && \(line)"])
    }

    static func run(_ program: String, _ arguments: [String]) throws -> Finished {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try #require(find(program), "\(program) is not installed"))
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Finished(status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
    }

    static func find(_ program: String) -> String? {
        if program.contains("/") { return program }
        return ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin"].map { "\($0)/\(program)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

/// What the platform's file of this checkout says of its machines.
func platformBoots(_ platform: String) throws -> [Platform.Boot] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    return try Platform.read(root.appending(path: "targets/platforms/\(platform).yaml").path) {
        FileManager.default.contents(atPath: $0).map { .bytes(Array($0)) } ?? .missing
    }.boots
}
