import OpenSSL

extension Derivation {
    /// The ATerm form Nix writes in `.drv` files.
    ///
    /// `Derive([outputs],[input derivations],[input sources],system,builder,[arguments],[environment])`, sets and
    /// environment sorted by bytes; strings escape `"`, `\`, newline, carriage return and tab.
    public func aterm() throws(StoreModelError) -> [UInt8] { aterm(output: try outputPath()) }

    /// The same where `outputPath()` has been asked already.
    func aterm(output: StorePath?) -> [UInt8] {
        var text = ATermText()
        text.raw("Derive([(\"out\",")
        if let outputHash, let output {
            text.string(output.description)
            text.raw(",")
            text.string(outputHash.method.prefix + outputHash.digest.algorithm.rawValue)
            text.raw(",")
            text.string(outputHash.digest.hex)
        } else {
            text.raw("\"\",\"r:sha256\",\"\"")
        }
        text.raw(")],")
        text.list(inputDerivations.sorted()) { text, path in
            text.raw("(")
            text.string(path.description)
            text.raw(",[\"out\"])")
        }
        text.raw(",")
        text.list(inputSources.sorted()) { text, path in text.string(path.description) }
        text.raw(",")
        text.string(system)
        text.raw(",")
        text.string(builder)
        text.raw(",")
        text.list(arguments) { text, argument in text.string(argument) }
        text.raw(",")
        // Strings compare by Unicode normalisation, Nix by bytes.
        let keys = environment.keys.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        text.list(keys) { text, key in
            text.raw("(")
            text.string(key)
            text.raw(",")
            text.string(environment[key] ?? "")
            text.raw(")")
        }
        text.raw(")")
        return text.bytes
    }

    /// Reads the ATerm form of a derivation with the one output `out`, content-addressed.
    ///
    /// The name is not in the text: it is that of the `.drv` path without its suffix. Throws for anything that `aterm()`
    /// would not write the same way.
    public init(aterm bytes: [UInt8], name: String) throws(StoreModelError) {
        var reader = ATermReader(bytes, subject: "'\(name).drv'")
        self.init(name: name, builder: "")
        try reader.expect("Derive([(")
        let outputName = try reader.string()
        try reader.expect(",")
        let path = try reader.string()
        try reader.expect(",")
        let algorithm = try reader.string()
        try reader.expect(",")
        let hash = try reader.string()
        try reader.expect(")],")
        guard outputName == "out" else {
            throw reader.failure("expected the one output 'out', found '\(outputName.prefix(100))'")
        }
        inputDerivations = Set(
            try reader.list { reader throws(StoreModelError) in
                try reader.expect("(")
                let path = try StorePath(parsing: try reader.string())
                try reader.expect(",[\"out\"])")
                return path
            })
        try reader.expect(",")
        inputSources = Set(
            try reader.list { reader throws(StoreModelError) in
                try StorePath(parsing: try reader.string())
            })
        try reader.expect(",")
        system = try reader.string()
        try reader.expect(",")
        builder = try reader.string()
        try reader.expect(",")
        arguments = try reader.list { reader throws(StoreModelError) in try reader.string() }
        try reader.expect(",")
        let pairs = try reader.list { reader throws(StoreModelError) in
            try reader.expect("(")
            let key = try reader.string()
            try reader.expect(",")
            let value = try reader.string()
            try reader.expect(")")
            return (key, value)
        }
        try reader.expect(")")
        environment = Dictionary(pairs) { first, _ in first }
        if !hash.isEmpty {
            let isRecursive = algorithm.hasPrefix("r:")
            guard let known = HashAlgorithm(rawValue: String(algorithm.dropFirst(isRecursive ? 2 : 0))) else {
                throw reader.failure("unknown output hash algorithm '\(algorithm.prefix(100))'")
            }
            outputHash = FixedOutput(
                method: isRecursive ? .recursive : .flat, digest: try Digest(known, text: hash))
        } else if algorithm != "r:sha256" || !path.isEmpty {
            throw reader.failure("expected a content-addressed output 'r:sha256', found '\(algorithm.prefix(100))'")
        }
        // Catches order, duplicates, escapes and a stated path that is not the computed one, all at once.
        guard try aterm() == bytes else { throw reader.failure("is not in the canonical form") }
    }
}
