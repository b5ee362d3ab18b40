import Testing

@testable import FileFormats

@Suite struct ZstandardTests {
    /// As `xxhsum -H64` prints them; that zstd takes whole frames is `SettingsTests`' cross-check.
    @Test(arguments: [
        ("", 0xef46_db37_51d8_e999), ("a", 0xd24e_c4f1_a98c_6e5b), ("abc", 0x44bc_2cf5_ad77_0999),
        ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
    ])
    func `the checksum is XXH64`(text: String, expected: UInt64) {
        #expect(Zstandard.checksum(Array(text.utf8)) == expected)
    }

    @Test func `a stored frame is header, raw blocks and checksum`() {
        #expect(
            Zstandard.storedFrame(Array("abc".utf8)) == [
                0x28, 0xb5, 0x2f, 0xfd, 0xa4, 3, 0, 0, 0, 0x19, 0, 0, 0x61, 0x62, 0x63, 0x99, 0x09, 0x77, 0xad,
            ])
        let long = [UInt8](repeating: 7, count: 300_000)
        #expect(Zstandard.storedFrame(long).count == 9 + 3 * 3 + long.count + 4)
        #expect(Zstandard.storedFrame([]).count == 9 + 3 + 4)
    }
}
