import Foundation
import Testing

@testable import SystemModel

@Suite struct RecipeTests {
    private func recipe(_ name: String, _ text: String = "") throws -> Recipe {
        try Recipe.read(
            "r/\(name)/recipe.yaml",
            files: RepositoryFiles.texts([
                "r/\(name)/recipe.yaml": "version: 1\nname: \(name)\nsummary: a b\nlicence: MIT\n\(text)"
            ]))
    }

    @Test func `a recipe of nothing but its names takes every default`() throws {
        let recipe = try recipe("zlib")
        #expect(recipe.script == "build.sh" && recipe.limits == .init(processorMinutes: 120, memory: 8192))
        #expect(recipe.debianSource == nil && recipe.inputs.isEmpty && recipe.platforms.isEmpty)
    }

    @Test func `every mistake of a recipe is told, with its place`() throws {
        let error = try #require(throws: ConfigurationError.self) {
            try recipe(
                "zlib",
                """
                sorce: {debian: zlib}
                inputs: [Musl]
                patches: [../x.patch]
                limits: {memory: 2 GB}
                """)
        }
        #expect(
            error.problems.map(\.description) == [
                "r/zlib/recipe.yaml:5:1: `sorce`: unknown key; did you mean `source`?",
                "r/zlib/recipe.yaml:6:10: `inputs[0]`: expected a recipe's name (lower-case letters, digits and `-`, "
                    + "a letter first), found `Musl`",
                "r/zlib/recipe.yaml:7:11: `patches[0]`: expected a relative path (without `.`, `..`, `//` or a `/` at its "
                    + "end), found `../x.patch`",
                "r/zlib/recipe.yaml:8:18: `limits.memory`: expected an amount of memory (a whole number and `MiB` or "
                    + "`GiB`, such as `1 GiB`), found `2 GB`",
            ])
        let other = try #require(throws: ConfigurationError.self) {
            try Recipe.read(
                "r/zlib/recipe.yaml",
                files: RepositoryFiles.texts([
                    "r/zlib/recipe.yaml": "version: 1\nname: zstd\nsummary: a\nlicence: MIT\n"
                ]))
        }
        #expect(
            other.description == "r/zlib/recipe.yaml:2:7: `name`: expected the folder's name `zlib`, found `zstd`")
    }

    @Test func `inputs that are not there, and circles, are refused`() throws {
        let missing = try #require(throws: ConfigurationError.self) {
            try RecipeBook([recipe("musl"), recipe("zlib", "inputs: [mussl]")])
        }
        #expect(
            missing.description
                == "r/zlib/recipe.yaml:5:10: `inputs`: no such recipe: `mussl`; did you mean `musl`?")
        let circle = try #require(throws: ConfigurationError.self) {
            try RecipeBook([recipe("a", "inputs: [b]"), recipe("b", "inputs: [c]"), recipe("c", "inputs: [b]")])
        }
        #expect(
            circle.problems.map(\.message) == [
                "the inputs form a circle: b -> c -> b", "the inputs form a circle: c -> b -> c",
            ])
    }

    @Test func `a closure has each recipe once, after its inputs`() throws {
        let book = try RecipeBook([
            recipe("a", "inputs: [b, c]"), recipe("b", "inputs: [d]"), recipe("c", "inputs: [d, b]"), recipe("d"),
            recipe("e"),
        ])
        #expect(book.closure(of: ["a"]).map(\.name) == ["d", "b", "c", "a"])
    }

    @Test func `a lock of recipes is read as it was written`() throws {
        let package = LockedPackage(
            name: "clang-19", version: "1:19.1.7-3", architecture: "amd64", poolPath: "pool/main/l/clang.deb",
            archive: "debian", size: 7, sha256: String(repeating: "a", count: 64))
        var source = package
        (source.name, source.architecture, source.poolPath) = ("musl", "source", "pool/main/m/musl/musl_1.orig.tar.gz")
        let lock = RecipeLock(
            packages: [package], toolboxes: ["musl": ["clang-19"], RecipeLock.commonName: []], sources: [source],
            request: String(repeating: "b", count: 64))
        let text = lock.rendered()
        #expect(try RecipeLock.read(Array(text.utf8), path: "recipes.lock") == lock)
        #expect(lock.toolbox(of: "musl") == [package] && lock.toolbox(of: "zlib") == nil)
        let damaged = text.replacing("\"size\": 7", with: "\"size\": 0")
        #expect(throws: ConfigurationError.self) { try RecipeLock.read(Array(damaged.utf8), path: "recipes.lock") }
    }

    @Test func `every recipe and platform that ships is read, and they fit together`() throws {
        let names = try RepositoryFiles.names(in: "targets/recipes").filter { !$0.contains(".") }
        let book = try RecipeBook(
            names.map { try Recipe.read("targets/recipes/\($0)/recipe.yaml", files: RepositoryFiles.reader()) })
        #expect(Set(book.recipes.keys) == Set(names))
        for file in try RepositoryFiles.names(in: "targets/platforms") {
            let platform = try Platform.read("targets/platforms/\(file)", files: RepositoryFiles.reader())
            #expect("\(platform.name).yaml" == file && !platform.firmware.isEmpty)
        }
    }
}
