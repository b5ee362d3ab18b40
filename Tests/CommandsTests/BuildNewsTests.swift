import SystemModel
import Testing

@testable import Commands

@Suite struct BuildNewsTests {
    /// Segments `NAME-VERSION-BUILD`; those without a dash are of no package.
    private func image(_ segments: [String], parameters: [String] = []) -> ImageManifest {
        ImageManifest(
            system: "s", platform: "x86_64", kernel: .init(path: "k", size: 1), kernelRelease: "6",
            kernelParameters: parameters,
            segments: segments.map { text in
                .init(
                    part: .init(path: text, size: 1),
                    summary: .init(
                        name: String(text.prefix { $0 != "-" && $0 != "=" }), size: 1, unpackedBytes: 1, inodes: 1))
            }, loaders: [:], peakMemory: 1)
    }

    private func news(_ before: [String], _ after: [String]) -> BuildNews {
        BuildNews(from: image(before), to: image(after)) { segment in
            let parts = segment.part.path.split(separator: "-")
            return parts.count > 1 ? String(parts[1]) : nil
        }
    }

    @Test func `packages that came, went, moved or were only remade are told apart`() {
        let news = news(
            ["bash-5-a", "curl-1-a", "dash-1-a", "init", "settings=a"],
            ["bash-5-a", "curl-2-b", "dash-1-b", "file-3-a", "init", "settings=b"])
        #expect(
            news.lines == [
                "added      file 3", "changed    curl 1 -> 2", "remade     dash, settings",
            ])
        #expect(self.news(["file-3-a"], []).lines == ["removed    file 3"])
        #expect(self.news(["file-3-a"], ["file-3-a"]).isEmpty)
    }

    @Test func `long lists end in a number, and other kernel parameters are told`() {
        let many = (10..<40).map { "p\($0)-1-a" }
        #expect(news([], many).lines.first?.hasSuffix("p21 1 and 18 more") == true)
        let parameters = BuildNews(from: image([]), to: image([], parameters: ["quiet"])) { _ in nil }
        #expect(parameters.lines == ["changed    kernel parameters or boot loaders"])
    }
}
