import Foundation
import OpenSSL
import Synchronization
import SystemPackage
import Testing

@testable import Fetching

@Suite struct FetcherTests {
    private static let body = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    private static let digest = hexadecimal(SHA256.hash(body))

    @Test(arguments: [HostileServer.Behaviour.good, .drops, .whole, .busy])
    func `what arrives in the end is whole`(behaviour: HostileServer.Behaviour) async throws {
        try await withServer { (server, folder) async throws in
            let item = item([server.url(behaviour)])
            let last = Mutex<FetchProgress?>(nil)
            try await fetcher.fetch([item], into: folder) { progress in last.withLock { $0 = progress } }
            #expect(try contents(folder) == [Self.digest])
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
            #expect(
                last.withLock { $0 } == FetchProgress(bytes: 1_000_000, totalBytes: 1_000_000, files: 1, totalFiles: 1))
            // There already: nothing is asked again.
            let count = server.log.count
            try await fetcher.fetch([item], into: folder)
            #expect(server.log.count == count)
        }
    }

    @Test func `a dropped transfer goes on from where it stopped`() async throws {
        try await withServer { (server, folder) async throws in
            try await fetcher.fetch([item([server.url(.drops)])], into: folder)
            #expect(server.log == [0, 300_000, 600_000, 900_000].map { "/drops/file \($0)" })
        }
    }

    @Test func `fetches one after the other share a connection, also through copies of the fetcher`() async throws {
        try await withServer { (server, folder) async throws in
            let fetcher = fetcher
            for _ in 0..<3 {
                var copy = fetcher
                copy.pause = .zero
                try await copy.fetch([item([server.url(.kept)])], into: folder)
                #expect(unlink(folder.appending(Self.digest).string) == 0)
            }
            #expect(server.log.count == 3)
            #expect(server.connections == 1)
        }
    }

    @Test func `a mirror that asks for a login gets it, and without one the error says where it goes`() async throws {
        try await withServer { (server, folder) async throws in
            let url = server.url(.guarded)
            let error = await #expect(throws: FetchError.self) { try await fetcher.fetch([item([url])], into: folder) }
            #expect(error?.remedy?.contains("auth.conf") == true)
            var allowed = item([url])
            allowed.credentials[url] = FetchCredential(user: "apt", password: "debian")
            try await fetcher.fetch([allowed], into: folder)
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
        }
    }

    @Test(arguments: [HostileServer.Behaviour.good, .whole])
    func `a part left by a killed process is gone on from`(behaviour: HostileServer.Behaviour) async throws {
        try await withServer { (server, folder) async throws in
            try write(Array(Self.body[..<700_000]), folder.appending("\(Self.digest).partial"))
            try await fetcher.fetch([item([server.url(behaviour)])], into: folder)
            #expect(server.log == ["/\(behaviour.rawValue)/file 700000"])
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
        }
    }

    @Test func `a fetch killed half-way is gone on from`() async throws {
        try await withServer { (server, folder) async throws in
            let (url, target, size, digest) = (server.url(.slow), folder.string, Self.body.count, Self.digest)
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [url = url as String, target = target as String, size = size as Int, digest = digest as String] in
                let item = FetchItem(name: "thing", urls: [url], size: size, sha256: digest)
                try await Fetcher().fetch([item], into: FilePath(target)) { progress in
                    if progress.bytes > 0 { kill(getpid(), SIGKILL) }
                }
            }
            let left = try bytes(folder.appending("\(Self.digest).partial"))
            #expect(left.count > 0 && left.count < Self.body.count)
            #expect(left == Array(Self.body[..<left.count]))
            try await fetcher.fetch([item([server.url(.good)])], into: folder)
            #expect(server.log.last == "/good/file \(left.count)")
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
        }
    }

    @Test func `a part with wrong bytes is fetched again whole, once`() async throws {
        try await withServer { (server, folder) async throws in
            try write([UInt8](repeating: 7, count: 500), folder.appending("\(Self.digest).partial"))
            try await fetcher.fetch([item([server.url(.good)])], into: folder)
            #expect(server.log == ["/good/file 500", "/good/file 0"])
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
        }
    }

    @Test func `a part longer than the file, and one as long but wrong, are thrown away`() async throws {
        for count in [1_000_000, 1_200_000] {
            try await withServer { (server, folder) async throws in
                try write([UInt8](repeating: 7, count: count), folder.appending("\(Self.digest).partial"))
                try await fetcher.fetch([item([server.url(.good)])], into: folder)
                #expect(server.log == ["/good/file 0"])
                #expect(try bytes(folder.appending(Self.digest)) == Self.body)
            }
        }
    }

    @Test(arguments: [HostileServer.Behaviour.altered, .short, .long])
    func `bytes that are not those locked are refused by name and leave nothing`(
        behaviour: HostileServer.Behaviour
    ) async throws {
        try await withServer { (server, folder) async throws in
            let error = await #expect(throws: FetchError.self) {
                try await fetcher.fetch([item([server.url(behaviour)])], into: folder)
            }
            #expect(error?.code == .corrupt)
            #expect(error?.kind == .corrupt)
            #expect(error?.subject == "thing")
            #expect(error?.message.contains(server.url(behaviour)) == true)
            #expect(try bytes(folder.appending("\(Self.digest).partial")).isEmpty)
            #expect(try contents(folder) == ["\(Self.digest).partial"])
        }
    }

    @Test func `another mirror makes up for one that is missing the file or altered it`() async throws {
        try await withServer { (server, folder) async throws in
            try await fetcher.fetch(
                [item([server.url(.missing), server.url(.altered), server.url(.good)])], into: folder)
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
            #expect(server.log == ["/missing/file 0", "/altered/file 0", "/good/file 0"])
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a mirror that cuts every transfer and alters bytes is left for the next`() async throws {
        try await withServer { (server, folder) async throws in
            try await fetcher.fetch([item([server.url(.dropsAltered), server.url(.drops)])], into: folder)
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
        }
        try await withServer { (server, folder) async throws in
            let error = await #expect(throws: FetchError.self) {
                try await fetcher.fetch([item([server.url(.dropsAltered)])], into: folder)
            }
            #expect(error?.code == .corrupt)
            #expect(server.log.count == 8)
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server that sends the same first part for ever is given up`() async throws {
        try await withServer { (server, folder) async throws in
            let error = await #expect(throws: FetchError.self) {
                try await fetcher.fetch([item([server.url(.dropsWhole)])], into: folder)
            }
            #expect(error?.code == .unreachable)
        }
    }

    @Test func `files that no mirror has are all named, and the others fetched`() async throws {
        try await withServer { (server, folder) async throws in
            let gone = (1...2).map {
                FetchItem(
                    name: "gone\($0)", urls: [server.url(.missing)], size: 5,
                    sha256: hexadecimal(SHA256.hash([UInt8($0)])))
            }
            let error = await #expect(throws: FetchError.self) {
                try await fetcher.fetch(gone + [item([server.url(.good)])], into: folder)
            }
            #expect(error?.code == .notFound)
            #expect(error?.subject == "gone1, gone2")
            #expect(error?.remedy == "bootferry lock --update gone1 gone2; for recipes: bootferry recipe lock --update")
            #expect(try bytes(folder.appending(Self.digest)) == Self.body)
        }
    }

    @Test func `a server that is gone is unreachable, and what came is kept`() async throws {
        try await withServer { (server, folder) async throws in
            try write(Array(Self.body[..<1234]), folder.appending("\(Self.digest).partial"))
            let error = await #expect(throws: FetchError.self) {
                try await fetcher.fetch([item([server.url(.silent)])], into: folder)
            }
            #expect(error?.kind == .unreachable)
            #expect(error?.message == "could not be fetched; 1234 of 1000000 bytes are kept")
            #expect(server.log.count == FetchPatience().attempts)
            #expect(try bytes(folder.appending("\(Self.digest).partial")) == Array(Self.body[..<1234]))
        }
    }

    @Test func `a file of this machine is fetched too, from the middle on as well`() async throws {
        try await withServer { (_, folder) async throws in
            try write(Self.body, folder.appending("source"))
            let target = folder.appending("target")
            try FileManager.default.createDirectory(atPath: target.string, withIntermediateDirectories: true)
            try write(Array(Self.body[..<777]), target.appending("\(Self.digest).partial"))
            try await fetcher.fetch([item(["file://\(folder)/none", "file://\(folder)/source"])], into: target)
            #expect(try bytes(target.appending(Self.digest)) == Self.body)
        }
    }

    @Test func `two fetches of one file at a time both succeed`() async throws {
        try await withServer { (server, folder) async throws in
            let item = item([server.url(.drops)])
            async let first: Void = fetcher.fetch([item], into: folder)
            async let second: Void = fetcher.fetch([item], into: folder)
            _ = try await (first, second)
            #expect(try contents(folder) == [Self.digest])
            #expect(server.log.count == 4)
        }
    }

    @Test func `a cancelled fetch stops and keeps what came`() async throws {
        try await withServer { (server, folder) async throws in
            var slow = fetcher
            slow.pause = .seconds(30)
            let item = item([server.url(.silent)])
            let task = Task { [slow] in try await slow.fetch([item], into: folder) }
            try await Task.sleep(for: .milliseconds(300))
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test func `many files arrive, and each is announced once`() async throws {
        try await withServer { (server, folder) async throws in
            let whole = item([server.url(.good)])
            let announced = Mutex<[String]>([])
            try await fetcher.fetch([whole, whole, whole], into: folder) { _ in
            } completed: { item, path in
                announced.withLock { $0.append("\(item.name) \(path.lastComponent?.string ?? "")") }
            }
            #expect(announced.withLock { $0 } == ["thing \(Self.digest)"])
        }
    }

    private var fetcher: Fetcher {
        var fetcher = Fetcher()
        fetcher.pause = .milliseconds(10)
        return fetcher
    }

    private func item(_ urls: [String]) -> FetchItem {
        FetchItem(name: "thing", urls: urls, size: Self.body.count, sha256: Self.digest)
    }

    private func withServer(_ body: (HostileServer, FilePath) async throws -> Void) async throws {
        let server = try HostileServer(body: Self.body)
        defer { server.stop() }
        let url = FileManager.default.temporaryDirectory.appending(path: "bootferry-fetching-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: url) }
        try await body(server, FilePath(url.path()))
    }

    private func contents(_ folder: FilePath) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.string).sorted()
    }

    private func bytes(_ path: FilePath) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path.string)))
    }

    private func write(_ bytes: [UInt8], _ path: FilePath) throws {
        try Data(bytes).write(to: URL(filePath: path.string))
    }
}

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
