// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors in our own targets; dependencies keep their own rules.
///
/// Tests run in the release configuration, so that product and tests share one build of the dependencies; their
/// `@testable import` needs the second flag there.
let strict: [SwiftSetting] = [
    .treatAllWarnings(as: .error), .unsafeFlags(["-enable-testing"], .when(configuration: .release)),
]

func module(
    _ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], fixtures: Bool = false
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies,
        resources: fixtures ? [.copy("Fixtures")] : [], swiftSettings: strict)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let mustache = Target.Dependency.product(name: "Mustache", package: "swift-mustache")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
    name: "bootferry",
    products: [.executable(name: "bootferry", targets: ["bootferry"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
    ],
    targets: [
        // C libraries, each imported by exactly one Swift module.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CArchive"),
        .target(name: "CCurl"),
        .target(name: "CLinuxCalls"),
        .target(name: "CCompression"),
        .target(name: "CSQLite"),

        // The pure half: no file, socket, process, clock, global or `async`.
        module("Diagnostics"),
        module("OpenSSL", ["COpenSSL"]),
        module("ByteCoding", ["Diagnostics"]),
        module("FileFormats", ["ByteCoding"]),
        module("BootProtocols", ["ByteCoding"]),
        module("StoreModel", ["Diagnostics", "OpenSSL", "ByteCoding", "FileFormats"]),
        module("DebianArchive", ["Diagnostics"]),
        module("SystemModel", ["Diagnostics", "FileFormats", "BootProtocols", "StoreModel", "DebianArchive", yams]),
        module("MediumModel", ["Diagnostics", "StoreModel", "SystemModel"]),
        module("Proofs", ["Diagnostics", "StoreModel", "DebianArchive", "SystemModel", "MediumModel"]),
        module("Planning", ["Diagnostics", "FileFormats", "StoreModel", "SystemModel"]),
        module(
            "BootPolicy",
            ["Diagnostics", "OpenSSL", "FileFormats", "BootProtocols", "StoreModel", "SystemModel", mustache]),
        module("BootMedia", ["Diagnostics", "OpenSSL", "FileFormats", "SystemModel", "BootPolicy"]),

        // The effects half.
        module("Archives", ["CArchive", "Diagnostics", system]),
        module("LinuxCalls", ["CLinuxCalls", "Diagnostics", system]),
        module("Compression", ["CCompression", "Diagnostics"]),
        module("LocalStore", ["CSQLite", "StoreModel", "SystemModel", "LinuxCalls", grdb, system]),
        module(
            "Carrying",
            ["OpenSSL", "FileFormats", "MediumModel", "Compression", "LinuxCalls", "LocalStore", system]),
        module("MediaWriting", ["BootMedia", "OpenSSL", "LinuxCalls", system]),
        module("Fetching", ["CCurl", "StoreModel", "LinuxCalls", system]),
        module(
            "PackageLocking",
            ["DebianArchive", "SystemModel", "LinuxCalls", subprocess, system]),
        module("Building", ["FileFormats", "StoreModel", "LocalStore", "LinuxCalls", subprocess, system, log]),
        module(
            "ImageAssembly",
            ["FileFormats", "DebianArchive", "SystemModel", "Archives", "Building", "Fetching", system]),
        module(
            "NetbootServer",
            ["BootPolicy", "BootProtocols", "LinuxCalls", "OpenSSL", nioCore, nioPosix, nioHTTP1, log, system]),
        module(
            "BinaryCaches",
            ["BootPolicy", "MediumModel", "LocalStore", "Carrying", "Fetching", "Building", system]),
        module(
            "Containers",
            ["Diagnostics", "OpenSSL", "FileFormats", "StoreModel", "SystemModel", "Compression", "LinuxCalls", system]),
        module("Storm", ["BootProtocols", "LinuxCalls", "OpenSSL", "Diagnostics"]),
        module(
            "Commands",
            [
                "OpenSSL", "Planning", "PackageLocking", "ImageAssembly", "NetbootServer", "Storm", "Carrying",
                "MediaWriting", "Proofs", "Compression", "BinaryCaches", "Containers",
                arguments,
                log, system, subprocess,
            ]),
        .executableTarget(
            name: "bootferry", dependencies: ["Commands"], swiftSettings: strict,
            // Swift's libraries inside: half of the start-up time was spent in finding their symbols. The other half was
            // mostly 108,000 relative relocations, which DT_RELR packs into a hundredth.
            linkerSettings: [
                .unsafeFlags([
                    "-static-stdlib", "-L", "\(Context.packageDirectory)/scripts/link", "-use-ld=lld", "-Xlinker", "-z",
                    "-Xlinker", "pack-relative-relocs",
                    "-Xlinker", "--no-export-dynamic",
                ]), .linkedLibrary("CoreFoundation"), .linkedLibrary("_FoundationICU"),
                .linkedLibrary("_FoundationCShims"), .linkedLibrary("_FoundationCollections"),
                .linkedLibrary("FoundationInternationalization"), .linkedLibrary("stdc++"),
            ]),

        // What unit tests share; it depends on nothing, so that none of them drags the world in.
        .target(
            name: "SeededRandomness", path: "Tests/Support/SeededRandomness", swiftSettings: strict),
        .target(
            name: "LoopbackListener", path: "Tests/Support/LoopbackListener", swiftSettings: strict),
        tests("DiagnosticsTests", ["Diagnostics"]),
        tests("FileFormatsTests", ["FileFormats", "SeededRandomness"], fixtures: true),
        tests("BootProtocolsTests", ["BootProtocols", "SeededRandomness"], fixtures: true),
        tests("StoreModelTests", ["StoreModel", "SeededRandomness"], fixtures: true),
        tests("DebianArchiveTests", ["DebianArchive", "SeededRandomness"]),
        tests("SystemModelTests", ["SystemModel", "SeededRandomness"], fixtures: true),
        tests("ProofsTests", ["Proofs"]),
        tests("PlanningTests", ["Planning"]),
        tests("BootPolicyTests", ["BootPolicy"]),
        tests("BootMediaTests", ["BootMedia"]),
        tests("MediaWritingTests", ["MediaWriting"]),
        // Uses a store until it is killed; its tests look at what is left.
        .executableTarget(
            name: "StoreTorture", dependencies: ["LocalStore", "SeededRandomness"], path: "Tests/StoreTorture",
            swiftSettings: strict),
        tests("LocalStoreTests", ["LocalStore", "SeededRandomness", "StoreTorture", grdb]),
        tests("MediumModelTests", ["MediumModel", "SeededRandomness"]),
        tests("CarryingTests", ["Carrying", "SeededRandomness"]),
        tests("BinaryCachesTests", ["BinaryCaches", "SeededRandomness", "LoopbackListener"]),
        tests("ContainersTests", ["Containers"]),
        tests("FetchingTests", ["Fetching", "LoopbackListener"]),
        tests("LinuxCallsTests", ["LinuxCalls"]),
        tests("PackageLockingTests", ["PackageLocking"]),
        tests("BuildingTests", ["Building"]),
        tests("ImageAssemblyTests", ["ImageAssembly"], fixtures: true),
        .executableTarget(
            name: "netboot-harness", dependencies: ["NetbootServer", "LinuxCalls", "OpenSSL", log, system],
            path: "Tests/Support/netboot-harness", swiftSettings: strict),
        tests("NetbootServerTests", ["NetbootServer", "netboot-harness", "OpenSSL"], fixtures: true),
        tests("CommandsTests", ["Commands"]),
        .target(
            name: "TestSupport", dependencies: [subprocess, system], path: "Tests/Support/TestSupport",
            swiftSettings: strict),
        tests("CrossCheckTests", ["Commands", "Proofs", "TestSupport", "SeededRandomness"]),
        tests("BootTests", ["Commands", "TestSupport"]),
    ]
)
