import LinuxCalls
import LocalStore
import Planning
import StoreModel
import SystemPackage

/// The groundwork of a system's last build, in the file `generations/SYSTEM/groundwork`: its key, then a `.drv` path a line.
///
/// Whatever else is there is as good as nothing: the next build plans everything and writes it anew.
struct RememberedGroundwork {
    let directory: StateDirectory
    let system: String

    private var file: FilePath { directory.generations.appending(system).appending("groundwork") }

    func groundwork(under key: String) -> Groundwork? {
        guard case .bytes(let bytes) = HostFiles.content(file.string) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        guard lines.first == key else { return nil }
        return Groundwork(derivations: lines.dropFirst().compactMap { try? StorePath(baseName: $0) })
    }

    func remember(_ groundwork: Groundwork, under key: String) throws {
        let lines = [key] + groundwork.derivations.map(\.baseName)
        try replaceFile(at: file, with: Array(lines.map { $0 + "\n" }.joined().utf8))
    }
}
