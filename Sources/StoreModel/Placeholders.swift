extension Derivation {
    /// The text that stands for the not yet known output of `drvPath` in another derivation's environment or arguments.
    ///
    /// Nix's own for content-addressed outputs: `/` and the nix32 SHA-256 of `nix-upstream-output:HASH:NAME`.
    public static func placeholder(for drvPath: StorePath, output: String = "out") -> String {
        let name = drvPath.isDerivation ? String(drvPath.name.dropLast(4)) : drvPath.name
        let outputName = output == "out" ? name : "\(name)-\(output)"
        return "/" + Digest.sha256(of: "nix-upstream-output:\(drvPath.hashPart):\(outputName)").nix32
    }

    /// The text that stands for the derivation's own output: `/` and the nix32 SHA-256 of `nix-output:out`.
    public static let ownPlaceholder = "/" + Digest.sha256(of: "nix-output:out").nix32

    /// This derivation with every input derivation replaced by the output it was found to have.
    ///
    /// `outputs` maps `.drv` paths to output paths; one that is missing throws. Two derivations that resolve alike have the
    /// same `path()`, so a rebuilt but unchanged input does not rebuild what uses it.
    public func resolved(with outputs: [StorePath: StorePath]) throws(StoreModelError) -> Derivation {
        guard !inputDerivations.isEmpty else { return self }
        var replacements: [String: String] = [:]
        var resolved = self
        resolved.inputDerivations = []
        for input in inputDerivations {
            guard let output = outputs[input] else {
                throw StoreModelError("'\(name)'", "needs the output of \(input), which is not built")
            }
            replacements[Derivation.placeholder(for: input)] = output.description
            resolved.inputSources.insert(output)
        }
        resolved.builder = Derivation.replacePlaceholders(in: builder, by: replacements)
        resolved.arguments = arguments.map { Derivation.replacePlaceholders(in: $0, by: replacements) }
        resolved.environment = environment.mapValues { Derivation.replacePlaceholders(in: $0, by: replacements) }
        return resolved
    }

    /// One pass: a placeholder is `/` and 52 nix32 characters.
    private static func replacePlaceholders(in text: String, by replacements: [String: String]) -> String {
        let count = 1 + Nix32.encodedCount(of: 32)
        guard text.utf8.count >= count else { return text }
        let bytes = Array(text.utf8)
        var output: [UInt8] = []
        var copied = 0
        var i = 0
        while i + count <= bytes.count {
            guard bytes[i] == UInt8(ascii: "/") else {
                i += 1
                continue
            }
            let end = bytes[(i + 1)..<(i + count)].firstIndex { !Nix32.isDigit($0) } ?? i + count
            guard end == i + count,
                let replacement = replacements[String(decoding: bytes[i..<end], as: UTF8.self)]
            else {
                // What stopped the scan may itself be the '/' of the next placeholder.
                i = end == i + count ? i + 1 : end
                continue
            }
            output += bytes[copied..<i]
            output += replacement.utf8
            copied = end
            i = end
        }
        guard copied > 0 else { return text }
        output += bytes[copied...]
        return String(decoding: output, as: UTF8.self)
    }
}
