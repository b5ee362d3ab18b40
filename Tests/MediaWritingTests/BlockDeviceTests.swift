import MediaWriting
import Testing

struct BlockDeviceTests {
    private static let stick = BlockDevice(
        path: "/dev/sdb", name: "sdb", size: 1 << 30, sectorSize: 512, disk: nil, isReadOnly: false, isRemovable: true,
        uses: [], holdsStore: false)

    private static func refusal(
        takesFixed: Bool = false, of bytes: Int = 1 << 20, _ change: (inout BlockDevice) -> Void
    ) -> String? {
        var device = stick
        change(&device)
        return device.refusal(of: bytes, takesFixed: takesFixed).map { "\($0.message) | \($0.remedy ?? "")" }
    }

    @Test func `a stick that nobody uses is taken`() {
        #expect(Self.refusal { _ in } == nil)
        #expect(Self.refusal(takesFixed: true) { $0.isRemovable = false } == nil)
    }

    @Test func `each wrong device is refused by what is wrong with it`() throws {
        func says(_ words: String, _ refusal: String?) {
            #expect(refusal?.contains(words) == true, "\(refusal ?? "taken")")
        }
        says("is a partition", Self.refusal { $0.disk = "sdb" })
        says("name the disk: /dev/sdb", Self.refusal { $0.disk = "sdb" })
        says(
            "its part /dev/sdb1 is mounted at '/media/a'",
            Self.refusal { $0.uses = [.init(device: "sdb1", by: "/media/a", kind: .mount)] })
        says("swapoff /dev/sdb2", Self.refusal { $0.uses = [.init(device: "sdb2", by: "swap", kind: .swap)] })
        says("a part of 'dm-0'", Self.refusal { $0.uses = [.init(device: "sdb", by: "dm-0", kind: .device)] })
        says("is read-only", Self.refusal { $0.isReadOnly = true })
        says("--format disk", Self.refusal { $0.isRemovable = false })
        says("sectors of 4096 bytes", Self.refusal { $0.sectorSize = 4096 })
        says("is too small", Self.refusal(of: 2 << 30) { _ in })
        says("state directory", Self.refusal(takesFixed: true) { $0.holdsStore = true })
    }

    @Test func `a file and a folder are no devices`() throws {
        #expect(try BlockDevice(at: "/etc/passwd", store: "/") == nil)
        #expect(try BlockDevice(at: "/nowhere/at/all", store: "/") == nil)
    }
}
