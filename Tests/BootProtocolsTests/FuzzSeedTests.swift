import Foundation
import Testing

@Suite struct FuzzSeedTests {
    @Test(arguments: ["dhcp", "tftp", "http"])
    func `every seed the fuzzers kept is survived, whole and cut short`(name: String) throws {
        let folder = try #require(Bundle.module.url(forResource: "Fixtures/fuzz/\(name)", withExtension: nil))
        let seeds = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(seeds.count >= 5)
        let target = try #require(FuzzTargets.all[name])
        for seed in seeds {
            let bytes = Array(try Data(contentsOf: seed))
            target(bytes)
            for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 64)) {
                target(Array(bytes.prefix(count)))
            }
        }
    }
}
