import Foundation
import StoreModel
import Testing

@testable import Planning

@Suite struct BuilderRevisionTests {
    /// What the builders were when their revision was last thought about.
    private static let known = (
        revision: "7", digest: "7c3f9cd8f0ac353bbf119abbdd9ffbc534c13df9b82887d48b74b591081c9f03"
    )
    private static let folders = [
        "Sources/Archives", "Sources/FileFormats/CPIO", "Sources/FileFormats/Zstandard", "Sources/ImageAssembly",
        "Sources/Building/Sandbox", "Sources/Planning",
    ]

    @Test func `a change of the builders' code is a change of their revision, or known to be none of what they make`()
        throws
    {
        let checkout = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        var text = ""
        for folder in Self.folders {
            let path = checkout.appending(path: folder).path(percentEncoded: false)
            for name in try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
            where name.hasSuffix(".swift") {
                let content = try Data(contentsOf: URL(filePath: "\(path)/\(name)"))
                text += "\(folder)/\(name) \(Digest.sha256(of: Array(content)).hex)\n"
            }
        }
        let advice: Comment = """
            raise PlanDraft.builderRevision if what a builder makes has changed, since stores keep what the old one made; \
            then update the revision and the digest here
            """
        #expect(PlanDraft.builderRevision == Self.known.revision, advice)
        #expect(Digest.sha256(of: text).hex == Self.known.digest, advice)
    }
}
