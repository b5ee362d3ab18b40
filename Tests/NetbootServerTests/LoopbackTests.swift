import BootPolicy
import BootProtocols
import Foundation
import Logging
import NIOPosix
import Synchronization
import SystemModel
import SystemPackage
import Testing

@testable import NetbootServer

/// A server on the loopback interface of this process, and a TFTP client that speaks packet by packet.
@Suite(.serialized) struct LoopbackTests {
    static let kernel = [UInt8](repeating: 3, count: 5000)

    /// Runs `body` beside a server with ports of the kernel's choice; gives it the TFTP port.
    static func withServer(
        _ body: @escaping @Sendable (Int) throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("bootferry-\(UUID())")
        defer { try? FileManager.default.removeItem(at: directory) }
        let store = directory.appendingPathComponent("abc-image")
        try FileManager.default.createDirectory(at: store, withIntermediateDirectories: true)
        try Data(kernel).write(to: store.appendingPathComponent("kernel"))
        let part = ImageManifest.Part(path: "/nix/store/abc-image/kernel", size: kernel.count)
        let manifest = ImageManifest(
            system: "lab-node", platform: "x86_64", kernel: part, kernelRelease: "6.1", kernelParameters: [],
            segments: [.init(part: part, summary: .init(name: "s", size: 5000, unpackedBytes: 0, inodes: 0))],
            loaders: [:], peakMemory: 0)
        let configuration = NetbootConfiguration(
            interface: "lo", mode: .off, ports: .init(http: 0, tftp: 0),
            everyone: try ServedSystem(manifest: manifest, boots: platformBoots("x86_64"), stubHead: nil),
            templates: try NetbootTemplates(ipxe: "#!ipxe\n"), storeDirectory: FilePath(directory.path))
        let start = ContinuousClock.now
        let (ports, ready) = AsyncStream.makeStream(of: Int.self)
        let server = Task {
            defer { ready.finish() }
            try await NetbootServer.run(
                configuration,
                surroundings: .init(now: { ContinuousClock.now - start }, newIdentifier: { "a1" }),
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), show: { _ in },
                ready: { ready.yield($0.tftpPort) })
        }
        for await port in ports {
            // Blocking sockets, so not on a thread of the server's.
            let result = await withCheckedContinuation { continuation in
                Thread.detachNewThread { continuation.resume(returning: Result { try body(port) }) }
            }
            server.cancel()
            try await server.value
            return try result.get()
        }
        try await server.value
        Issue.record("the server never was ready")
    }

    @Test func `a client that starts again from the same port is answered anew`() async throws {
        try await Self.withServer { port in
            let client = try PacketClient(port)
            try client.ask("kernel")
            let first = try #require(client.hear())
            #expect(first.packet == .data(block: 1, payload: Array(Self.kernel.prefix(512))))
            try client.say(.acknowledgement(block: 1), to: first.port)
            #expect(client.hear()?.packet == .data(block: 2, payload: Array(Self.kernel.prefix(512))))
            // Reset in the midst of it.
            try client.ask("kernel")
            let second = try #require(client.hear())
            #expect(second.packet == .data(block: 1, payload: Array(Self.kernel.prefix(512))))
            #expect(second.port != first.port)
            // Another file, the first packet of the last not even answered.
            try client.ask("boot.ipxe")
            #expect(client.hear()?.packet == .data(block: 1, payload: Array("#!ipxe\n".utf8)))
        }
    }

    @Test func `the same request twice is answered once`() async throws {
        try await Self.withServer { port in
            let client = try PacketClient(port)
            try client.ask("kernel")
            try client.ask("kernel")
            let first = try #require(client.hear())
            let repeated = client.hear()
            #expect(repeated == nil || repeated?.port == first.port)
        }
    }

    @Test func `netascii is refused by name`() async throws {
        try await Self.withServer { port in
            let client = try PacketClient(port)
            try client.ask("kernel", mode: "netascii")
            guard case .error(_, let message) = client.hear()?.packet else {
                Issue.record("no error")
                return
            }
            #expect(message.contains("netascii") && message.contains("octet"))
        }
    }

    @Test func `limits shrink to the descriptors there are`() {
        let limits = NetbootConfiguration.Limits()
        #expect(limits.fitting(descriptors: 1_000_000) == limits)
        let few = limits.fitting(descriptors: 1024)
        #expect(few.transfers == 170 && few.connections == 340)
        #expect(limits.fitting(descriptors: 10).transfers == 16)
    }

    @Test func `servers on other interfaces keep their leases apart, and each knows all of them`() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("bootferry-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        func database(_ name: String) -> LeaseDatabase {
            LeaseDatabase(path: FilePath(directory.appendingPathComponent(name).path))
        }
        func lease(_ last: UInt8, _ client: String) throws -> Leases.Lease {
            let text = #"{"address": "10.77.0.\#(last)", "client": "\#(client)", "state": "bound", "expires": 1000}"#
            return try JSONDecoder().decode(Leases.Lease.self, from: Data(text.utf8))
        }
        let (first, second) = (try lease(5, "52:54:00:00:00:01"), try lease(6, "52:54:00:00:00:02"))
        let newer = try lease(5, "52:54:00:00:00:03")
        func save(_ leases: [Leases.Lease], in database: LeaseDatabase) async throws {
            try await withCheckedThrowingContinuation { done in
                database.save({ RememberedLeases(leases) }, on: pool) { done.resume(with: $0) }
            }
            usleep(20_000)
        }
        try await save([first], in: database("leases-eth1.json"))
        try await save([second], in: database("leases-eth2.json"))
        for name in ["leases-eth1.json", "leases-eth2.json", "leases-eth1+eth2.json"] {
            #expect(try database(name).load()?.leases == [first, second])
        }
        #expect(try database("leases-eth1.json").own() == [first])
        // Of one address, what was written last.
        try await save([newer], in: database("leases-eth1+eth2.json"))
        #expect(try database("leases-eth1.json").load()?.leases == [newer, second])
        #expect(try database("leases-eth1.json").own().isEmpty)
        try await pool.shutdownGracefully()
    }

    @Test func `leases asked for together are written together, and a failure is told to all`() async throws {
        let pool = NIOThreadPool(numberOfThreads: 1)
        pool.start()
        let writes = Mutex(0)
        let snapshot: @Sendable () -> RememberedLeases? = {
            writes.withLock { $0 += 1 }
            return RememberedLeases([])
        }
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("bootferry-\(UUID())")
        let database = LeaseDatabase(path: FilePath(directory.appendingPathComponent("leases.json").path))
        func saveAll(_ count: Int) async -> Int {
            let (results, told) = AsyncStream.makeStream(of: Bool.self)
            for _ in 0..<count {
                database.save(snapshot, on: pool) { result in
                    if case .success = result { told.yield(true) } else { told.yield(false) }
                }
            }
            var good = 0
            var heard = 0
            for await result in results {
                good += result ? 1 : 0
                heard += 1
                if heard == count { break }
            }
            return good
        }
        #expect(await saveAll(3) == 0)
        #expect(database.isBehind)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        writes.withLock { $0 = 0 }
        #expect(await saveAll(500) == 500)
        #expect(writes.withLock { $0 } < 250)
        #expect(try database.load() != nil)
        try await pool.shutdownGracefully()
    }
}

/// One UDP port that asks the server on 127.0.0.1, and hears whichever of its ports answers.
private final class PacketClient {
    private let descriptor: Int32
    private let server: Int

    init(_ server: Int) throws {
        self.server = server
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(descriptor >= 0)
        // Shorter than the server's first retransmission, and long for a busy machine's loopback.
        var wait = timeval(tv_sec: 0, tv_usec: 900_000)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func ask(_ file: String, mode: String = "octet") throws {
        try send([0, 1] + Array(file.utf8) + [0] + Array(mode.utf8) + [0], to: server)
    }

    func say(_ packet: TFTP.Packet, to port: Int) throws { try send(packet.bytes, to: port) }

    private func send(_ bytes: [UInt8], to port: Int) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let sent = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(sent == bytes.count)
    }

    func hear() -> (packet: TFTP.Packet?, port: Int)? {
        var buffer = [UInt8](repeating: 0, count: 2048)
        var from = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &from) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
            }
        }
        guard count > 0 else { return nil }
        return (TFTP.Packet.read(Array(buffer.prefix(count))).packet, Int(UInt16(bigEndian: from.sin_port)))
    }
}
