// A boot server with its settings from the command line, for tests that run one inside a network namespace.
import BootPolicy
import BootProtocols
import Foundation
import LinuxCalls
import Logging
import NetbootServer
import OpenSSL
import SystemModel
import SystemPackage

struct Options {
    private let words = Array(CommandLine.arguments.dropFirst())

    subscript(_ name: String) -> String? {
        words.firstIndex(of: "--\(name)").flatMap { $0 + 1 < words.count ? words[$0 + 1] : nil }
    }
    func has(_ name: String) -> Bool { words.contains("--\(name)") }
}

/// What the platform's file of this checkout says of its machines.
func platformBoots(_ platform: String) throws -> [Platform.Boot] {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    return try Platform.read(root.appending(path: "targets/platforms/\(platform).yaml").path) {
        FileManager.default.contents(atPath: $0).map { .bytes(Array($0)) } ?? .missing
    }.boots
}

@Sendable func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

func fail(_ error: any Error) -> Never {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}

let options = Options()

func configuration() throws -> NetbootConfiguration {
    let store = FilePath(options["store"] ?? ".")
    let manifest = try JSONDecoder().decode(
        ImageManifest.self, from: Data(contentsOf: URL(fileURLWithPath: options["manifest"] ?? "manifest.json")))
    let boots = try platformBoots(manifest.platform)
    var head: [UInt8]?
    if let stub = boots.stubName.flatMap({ manifest.loaders[$0] }) {
        let path = store.appending(FilePath(stub.path).components.dropFirst(2))
        head = Array(try Data(contentsOf: URL(fileURLWithPath: path.string)).prefix(4096))
    }
    let template = try String(contentsOfFile: options["ipxe-template"] ?? "boot.ipxe", encoding: .utf8)
    var mode = NetbootConfiguration.Mode.off
    if let range = options["range"]?.split(separator: "-"), range.count == 2,
        let first = IPv4Address(String(range[0])), let last = IPv4Address(String(range[1]))
    {
        mode = .full(range: first...last)
    } else if options.has("proxy") {
        mode = .proxy
    }
    let served = try ServedSystem(manifest: manifest, boots: boots, stubHead: head)
    if let path = options["site"] {
        let site = try Site.read(path, directory: FileManager.default.currentDirectoryPath) {
            FileManager.default.contents(atPath: $0).map { .bytes(Array($0)) } ?? .missing
        }
        var configuration = NetbootConfiguration(
            site: site, systems: [manifest.system: served], templates: try NetbootTemplates(ipxe: template),
            storeDirectory: store, leaseDatabase: options["leases"].map { FilePath($0) },
            sightings: options["sightings"].map { FilePath($0) }, bootLog: options["boots"].map { FilePath($0) })
        if let path = options["site-secret"] {
            configuration.provisions = NodeProvisions(
                secret: try SiteSecretFile(path: FilePath(path)).loadOrMake {
                    (0..<32).map { _ in .random(in: 0...255) }
                },
                contents: try NodeFileContents(of: site) { path in
                    FileManager.default.contents(atPath: path).map { .bytes(Array($0)) } ?? .missing
                })
        }
        return configuration
    }
    var configuration = NetbootConfiguration(
        interface: options["interface"] ?? "", mode: mode,
        ports: .init(
            http: options["http-port"].flatMap { Int($0) } ?? 8080,
            tftp: options["tftp-port"].flatMap { Int($0) } ?? 69),
        routerAdvertisements: options.has("router-advertisements"), isAuthoritative: options.has("authoritative"),
        uefiLoader: options.has("uefi-ipxe") ? .ipxe : .uki,
        everyone: served,
        templates: try NetbootTemplates(ipxe: template), storeDirectory: store,
        leaseDatabase: options["leases"].map { FilePath($0) },
        bootLog: options["boots"].map { FilePath($0) })
    if let path = options["https"] {
        let pem = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        configuration.tls = try TLSServer(certificate: pem, key: pem)
    }
    configuration.tftpSinglePort = options.has("single-port")
    configuration.page = try page()
    if let name = options["user"] {
        configuration.rights = RightsGivenUp(
            user: name == "root" ? nil : try Privileges.user(named: name), isRequired: true,
            writes: options["writes"].map { [FilePath($0)] } ?? [], reads: [store])
    }
    return configuration
}

func page() throws -> PageConfiguration? {
    guard let folder = options["page"] else { return nil }
    func file(_ name: String, _ type: String) throws -> PageConfiguration.File {
        .init(contentType: type, bytes: Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))))
    }
    return PageConfiguration(
        address: IPv4Address("127.0.0.1") ?? .unspecified, port: 8081,
        files: [
            "/": try file("index.html", "text/html; charset=utf-8"), "/page.css": try file("page.css", "text/css"),
            "/page.js": try file("page.js", "text/javascript"), "/icon.svg": try file("icon.svg", "image/svg+xml"),
        ])
}

var logger = Logger(label: "netboot-harness") { StreamLogHandler.standardError(label: $0) }
logger.logLevel = options.has("debug") ? .debug : .info

let attempts = options["attempt"]
/// Seconds that a test adds to the time, from a file that it may write while the server runs.
let skipped = options["skipped-seconds"].map { URL(fileURLWithPath: $0) }
let surroundings = NetbootSurroundings(
    now: {
        let text = skipped.flatMap { try? String(contentsOf: $0, encoding: .utf8) } ?? ""
        return .nanoseconds(Int64(Date().timeIntervalSince1970 * 1e9)) + .seconds(Int(text) ?? 0)
    },
    newIdentifier: { attempts ?? String(UInt64.random(in: .min ... .max), radix: 36) })

if let server = options["other-server"].flatMap(ForeignServer.init), let address = IPv4Address("10.77.0.1") {
    do {
        let settings = try configuration()
        let policy = BootPolicy(
            serverAddress: address, httpPort: 8080, site: settings.site, systems: settings.systems,
            templates: settings.templates)
        say(policy.configuration(of: server, tftpPort: 69))
        exit(0)
    } catch {
        fail(error)
    }
}

do {
    let settings = try configuration()
    let server = Task { [logger] in
        try await NetbootServer.run(
            settings, surroundings: surroundings, logger: logger, show: say,
            ready: { say("ready \($0.address) http \($0.httpPort) tftp \($0.tftpPort)") })
    }
    let interrupt = DispatchSource.makeSignalSource(signal: SIGTERM)
    signal(SIGTERM, SIG_IGN)
    interrupt.setEventHandler { server.cancel() }
    interrupt.resume()
    try await server.value
} catch {
    fail(error)
}
