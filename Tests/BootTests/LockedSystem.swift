import Foundation
import SystemPackage
import TestSupport
import Testing

/// A system of `targets/systems` as it is shipped; or, where a mirror's lists of its processor are not those that its Release
/// signs, of Debian 14, by a clock of when its Release was signed.
///
/// - Parameter folder: Holds the other system.
func lockedSystem(_ name: String, in folder: FilePath) async throws -> FilePath {
    let shipped = BootferryProgram.checkout.appending("targets/systems/\(name)/system.yaml")
    let lock = try await BootferryProgram.shared.run("lock", shipped.string)
    if lock.succeeded { return shipped }
    try #require(lock.messages.contains("could not be fetched"), "\(lock.messages)")
    let home = folder.appending(name)
    try FileManager.default.createDirectory(atPath: home.string, withIntermediateDirectories: true)
    let file = home.appending("system.yaml")
    let text = "version: 1\nimports: [\(shipped)]\nbase: {suite: !override forky}\n"
    try Data(text.utf8).write(to: URL(filePath: file.string))
    let signed = """
        root=$(apt-get update --print-uris | sed -n "s|^'\\(.*\\)dists/[^/]*-updates/InRelease'.*|\\1|p")
        date=$(curl -fsS "${root%%[[:space:]]*}dists/forky/Release" | sed -n 's/^Date: //p')
        date -u -d "$date + 1 day" '+%F %T'
        """
    let date = try await execute(["sh", "-euc", signed])
    try #require(date.succeeded, "\(date.messages)")
    let other = try await BootferryProgram.shared.run(
        "lock", file.string, prefix: ["faketime", date.output.trimmingCharacters(in: .newlines)])
    try #require(other.succeeded, "\(other.messages)")
    return file
}
