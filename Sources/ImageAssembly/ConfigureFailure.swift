import Building

/// Finds in dpkg's output which package's script failed, and what that script said.
enum ConfigureFailure {
    /// The error for a configure step whose log is `lines`.
    static func error(log lines: [String]) -> BuildError {
        let tail = lines.filter { !$0.isEmpty }.suffix(20).joined(separator: "\n")
        if lines.contains(Emulation.refusal) {
            return BuildError(
                kind: .host, subject: "binfmt_misc",
                message: "cannot be had in a user namespace, so another processor's programs do not run here",
                cause: tail, remedy: Emulation.remedy)
        }
        let conflict = "bootferry: conflict "
        if let parts = lines.last(where: { $0.hasPrefix(conflict) })?.dropFirst(conflict.count)
            .split(separator: "\t").map(String.init), parts.count == 3
        {
            return FileConflicts.refused(parts[0], parts[1], parts[2])
        }
        let locale = "bootferry: locale "
        if let name = lines.last(where: { $0.hasPrefix(locale) })?.dropFirst(locale.count) {
            return BuildError(
                kind: .usage, subject: "locale '\(name)'", message: "cannot be made from the system's packages",
                cause: lines.last { $0.contains("localedef") || $0.contains("[error]") },
                remedy: "add the package 'locales', and check the name against /usr/share/i18n/SUPPORTED")
        }
        guard let (package, end) = failed(in: lines) else {
            return BuildError(
                subject: "configuration", message: "could not be made in the sandbox",
                cause: tail.isEmpty ? nil : tail, remedy: "bootferry doctor says what this host lacks")
        }
        let start =
            lines[..<end].lastIndex {
                $0.hasPrefix("Setting up \(package) ") || $0.hasPrefix("Setting up \(package):")
                    || $0.hasPrefix("Preparing \(package) ") || $0.hasPrefix("Preparing \(package):")
                    || $0.hasPrefix("Processing triggers for \(package) ")
            } ?? max(0, end - 20)
        let said = lines[start..<end].suffix(40).joined(separator: "\n")
        return BuildError(
            subject: package, message: "failed to configure: its maintainer script ended in an error",
            cause: said + "\n" + lines[end...].prefix(2).joined(separator: "\n"))
    }

    /// The first package that dpkg gave up, and the line that says so.
    private static func failed(in lines: [String]) -> (package: String, line: Int)? {
        let start = "dpkg: error processing package "
        for (index, line) in lines.enumerated() where line.hasPrefix(start) {
            let name = line.dropFirst(start.count).prefix { $0 != " " && $0 != ":" }
            if !name.isEmpty { return (String(name), index) }
        }
        return nil
    }
}
