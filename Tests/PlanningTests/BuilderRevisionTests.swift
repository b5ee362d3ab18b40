import Foundation
import StoreModel
import Testing

@testable import Planning

@Suite struct BuilderRevisionTests {
    /// What the builders were when their revision was last thought about.
    private static let known = (
        revision: "7", digest: "42113bd93154998034cdbb7b1b7d47f77d62f070c1385102607016bd399d87aa"
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
