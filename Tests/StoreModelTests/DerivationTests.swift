import SeededRandomness
import Testing

@testable import StoreModel

@Suite struct DerivationTests {
    static let files = [
        "3d0r9absxvfgz020wmf4k4d3wqshfl97-a-1.0.drv", "61vj29x3zy755ag3nvimjlgxh5jgm5kr-b-2.0.drv",
        "mawhgr2y9i3122cxyxw8jh8jw0bydcry-f.deb.drv",
    ]

    func read(_ file: String) throws -> (StorePath, Derivation, [UInt8]) {
        let path = try StorePath(baseName: file)
        let text = Array(try fixture("derivations/\(file)"))
        return (path, try Derivation(aterm: text, name: String(path.name.dropLast(4))), text)
    }

    @Test(arguments: files)
    func `a derivation nix wrote is read, written back byte for byte and has nix's path`(_ file: String) throws {
        let (path, derivation, text) = try read(file)
        #expect(try derivation.aterm() == text)
        #expect(try derivation.path() == path)
        #expect(path.isDerivation)
    }

    @Test func `the placeholder of another derivation's output is the one nix wrote`() throws {
        let (path, _, _) = try read(Self.files[0])
        let (_, user, _) = try read(Self.files[1])
        #expect(user.environment["input"] == Derivation.placeholder(for: path))
        #expect(user.environment["out"] == Derivation.ownPlaceholder)
        #expect(user.inputDerivations == [path])
    }

    @Test func `resolving puts output paths in the place of placeholders, everywhere`() throws {
        let (path, _, _) = try read(Self.files[0])
        let (_, user, _) = try read(Self.files[1])
        let output = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-a-1.0")
        let resolved = try user.resolved(with: [path: output])
        #expect(resolved.inputDerivations == [])
        #expect(resolved.inputSources == user.inputSources.union([output]))
        #expect(resolved.environment["input"] == output.description)
        #expect(resolved.environment["out"] == Derivation.ownPlaceholder)
        #expect(
            resolved.arguments == ["-c", "read x < \(output); echo \"${x}\t\(output) \\ $out\" > $out"])
        #expect(try resolved.resolved(with: [:]) == resolved)
        #expect(throws: StoreModelError.self) { try user.resolved(with: [:]) }
    }

    @Test func `placeholders side by side, after other slashes and at the end are found`() throws {
        let input = try Derivation(name: "a", builder: "b").path()
        let output = try StorePath(baseName: "gwina1sjk7g95wq6fxc6b7s1hza53h74-a")
        let mark = Derivation.placeholder(for: input)
        var derivation = Derivation(name: "x", builder: "b", inputDerivations: [input])
        derivation.environment = [
            "twice": mark + mark, "after": "/usr/\(mark)/bin", "cut": String(mark.dropLast()), "slash": "/0123" + mark,
            "list": "\(mark) \(mark)", "double": "/" + mark,
        ]
        let environment = try derivation.resolved(with: [input: output]).environment
        #expect(environment["twice"] == "\(output)\(output)")
        #expect(environment["after"] == "/usr/\(output)/bin")
        #expect(environment["cut"] == String(mark.dropLast()))
        #expect(environment["slash"] == "/0123\(output)")
        #expect(environment["list"] == "\(output) \(output)")
        #expect(environment["double"] == "/\(output)")
    }

    @Test func `a fixed output's path is known beforehand, a floating one's is not`() throws {
        let (_, fixed, text) = try read(Self.files[2])
        let path = try #require(try fixed.outputPath())
        #expect(String(decoding: text, as: UTF8.self).contains(path.description))
        #expect(try Derivation(name: "x", builder: "b").outputPath() == nil)
    }

    @Test func `strings with every escape survive the derivation's text`() throws {
        var derivation = Derivation(name: "x", builder: "b\"\\\n\r\t")
        derivation.arguments = ["", "é\u{0}\u{1}", "\\n"]
        derivation.environment = ["b": "1", "a": "2", "é": "3", "B": "4", "": "5"]
        #expect(try Derivation(aterm: try derivation.aterm(), name: "x") == derivation)
    }

    @Test(arguments: files)
    func `a derivation cut short anywhere throws`(_ file: String) throws {
        let (_, _, text) = try read(file)
        for count in 0..<text.count {
            #expect(throws: StoreModelError.self) { try Derivation(aterm: Array(text.prefix(count)), name: "x") }
        }
    }

    @Test func `a mutated derivation throws or is read as what it then says`() throws {
        let (_, _, text) = try read(Self.files[1])
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<5000 {
            var mutated = text
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                mutated[Int.random(in: 0..<mutated.count, using: &generator)] = UInt8.random(
                    in: 0...255, using: &generator)
            }
            if let derivation = try? Derivation(aterm: mutated, name: "x") {
                #expect(try derivation.aterm() == mutated)
            }
        }
    }

    @Test func `a plan keeps derivations once and inputs before users`() throws {
        var plan = BuildPlan()
        let input = Derivation(name: "a", builder: "b")
        let a = try plan.add(input)
        let user = Derivation(name: "c", builder: "b", inputDerivations: [a])
        let c = try plan.add(user)
        #expect(try plan.add(input) == a)
        #expect(plan.order == [a, c])
        #expect(plan.derivations == [a: input, c: user])
        let stranger = Derivation(
            name: "e", builder: "b", inputDerivations: [try Derivation(name: "z", builder: "b").path()])
        #expect(throws: StoreModelError.self) { try plan.add(stranger) }
    }
}
