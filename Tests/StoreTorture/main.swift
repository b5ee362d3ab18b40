// Uses a store hard until it is killed: the tests start several, kill them at random and look at what is left.
//
//     StoreTorture STATE SEED loop          adds, roots and collects for ever
//     StoreTorture STATE SEED run COUNT     the same, COUNT times, then verifies
//     StoreTorture STATE SEED fill          adds until the disk is full, then checks that nothing broke
import Glibc
import LocalStore
import SeededRandomness
import StoreModel
import SystemPackage

func fail(_ message: String) -> Never {
    print(message)
    exit(1)
}

func write(_ text: String, to path: FilePath) throws {
    let file = try FileDescriptor.open(
        path, .writeOnly, options: [.create, .truncate], permissions: [.ownerReadWrite, .groupRead])
    defer { try? file.close() }
    try file.writeAll(text.utf8)
}

/// Adds an object of a few files that refers to some valid objects and sometimes itself; names repeat, so that processes collide.
func add(to store: LocalStore, _ generator: inout SeededGenerator, size: Int) throws -> StorePath {
    let candidates = try store.allValidPaths().shuffled(using: &generator).prefix(3)
    try store.protect(candidates)
    let valid = try store.validPaths(among: candidates)
    let scratch = try store.makeScratch()
    let part = String(repeating: "3", count: 32)
    let tree = scratch.path.appending("tree")
    guard tree.withPlatformString({ mkdir($0, 0o755) }) == 0 else { throw Errno(rawValue: errno) }
    let number = Int.random(in: 0..<40, using: &generator)
    for file in 0...(number % 4) {
        var text = String(repeating: "\(number) ", count: size / 3)
        if file == 0 { text += valid.sorted().map(\.description).joined(separator: " ") }
        if number % 5 == 0 { text += " \(part)" }
        try write(text, to: tree.appending("file\(file)"))
    }
    let derivation = try Derivation(name: "torture\(number)", builder: "b").path()
    return try store.addContentAddressed(
        tree, name: "torture\(number)", candidates: valid, selfHashPart: part, realising: [derivation])
}

func use(_ store: LocalStore, _ generator: inout SeededGenerator) throws {
    let path = try add(to: store, &generator, size: Int.random(in: 10...20_000, using: &generator))
    guard try store.isValid(path) else { fail("\(path) was just added and is not valid") }
    let root = "root\(Int.random(in: 0..<6, using: &generator))"
    switch Int.random(in: 0..<8, using: &generator) {
    case 0: _ = try store.collectGarbage()
    case 1...3: try store.addRoot(root, path)
    case 4: try store.removeRoot(root)
    default: _ = try store.closure(of: [path])
    }
}

let arguments = CommandLine.arguments
guard arguments.count >= 4, let seed = UInt64(arguments[2]) else {
    fail("usage: StoreTorture STATE SEED loop|run|fill")
}
var generator = SeededGenerator(seed: seed)
do {
    let directory = StateDirectory(FilePath(arguments[1]))
    switch arguments[3] {
    case "loop":
        while true {
            // A new store value now and then drops this process's protection, so that there is something to collect.
            let store = try LocalStore(opening: directory, now: { 1 })
            for _ in 0..<6 { try use(store, &generator) }
        }
    case "run":
        let store = try LocalStore(opening: directory, now: { 1 })
        for _ in 0..<(Int(arguments.last ?? "") ?? 20) { try use(store, &generator) }
        let faults = try store.verify(width: 2)
        if !faults.isEmpty { fail("\(faults)") }
    case "fill":
        var added = 0
        do {
            let store = try LocalStore(opening: directory, now: { 1 })
            defer { withExtendedLifetime(store) {} }
            while added < 10_000 {
                _ = try add(to: store, &generator, size: 30_000 + added * 7)
                added += 1
            }
            fail("the disk did not fill")
        } catch let error as LocalStoreError {
            guard error.kind == .host, error.remedy?.contains("gc") == true else { fail("full disk: \(error)") }
        } catch Errno.noSpace {
            // The builder's own writing, above, was what hit the end.
        }
        let store = try LocalStore(opening: directory, now: { 1 })
        let faults = try store.verify(width: 2)
        if !faults.isEmpty { fail("full disk: \(faults)") }
        guard try store.allValidPaths().count > 3, try store.collectGarbage().objects.count > 3,
            try store.allValidPaths().isEmpty, try store.verify(width: 2).isEmpty
        else { fail("a collection on a full disk did not empty the store") }
        _ = try add(to: store, &generator, size: 1000)
        print("full after \(added)")
    default: fail("unknown: \(arguments[3])")
    }
} catch {
    fail("\(error)")
}
