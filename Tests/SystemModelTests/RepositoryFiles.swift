import Foundation
import SystemModel

/// The files of this repository and of a test's fixtures, as the parser asks for them.
enum RepositoryFiles {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Reads a path, relative ones from `folder` of the repository.
    static func reader(_ folder: String = "") -> @Sendable (String) -> FileContent {
        { path in
            let base = folder.isEmpty ? root : root.appending(path: folder)
            let url = path.hasPrefix("/") ? URL(filePath: path) : base.appending(path: path)
            guard let data = try? Data(contentsOf: url) else { return .missing }
            return .bytes([UInt8](data))
        }
    }

    /// Files given as text.
    static func texts(_ files: [String: String]) -> @Sendable (String) -> FileContent {
        { path in files[path].map { .bytes([UInt8]($0.utf8)) } ?? .missing }
    }

    static func platform() throws -> Platform {
        try Platform.read("targets/platforms/x86_64.yaml", files: reader())
    }

    static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path()).sorted()
    }
}

/// Reads `a/system.yaml` out of texts.
func configuration(_ text: String, _ others: [String: String] = [:]) throws -> SystemConfiguration {
    try SystemConfiguration.read(
        "a/system.yaml", directory: "/site", platforms: [RepositoryFiles.platform()],
        files: RepositoryFiles.texts(others.merging(["a/system.yaml": text]) { $1 }))
}

/// What reading `a/system.yaml` complains of, one line a problem.
func complaints(_ text: String, _ others: [String: String] = [:]) throws -> [String] {
    do {
        _ = try configuration(text, others)
        return []
    } catch let error as ConfigurationError {
        return error.problems.map(\.description)
    }
}
