import Testing

@testable import NetbootServer

@Suite struct HTTPByteRangeTests {
    @Test(arguments: [
        ("bytes=0-0", HTTPByteRange.part(0..<1)), ("bytes=5-", .part(5..<10)), ("bytes=-3", .part(7..<10)),
        ("bytes=2-99", .part(2..<10)), ("Bytes=2-3", .part(2..<4)), ("bytes=-99", .part(0..<10)),
        ("bytes=0-9223372036854775807", .part(0..<10)), ("bytes=10-", .unsatisfiable), ("bytes=-0", .unsatisfiable),
        ("bytes=3-2", .whole), ("bytes=0-1,3-4", .whole), ("items=0-1", .whole), ("bytes=", .whole),
        ("bytes=-", .whole),
        ("bytes=99999999999999999999-", .whole), ("bytes=0-99999999999999999999", .whole), ("bytes=+1-2", .whole),
    ])
    func `a range is read as RFC 9110 has it`(header: String, expected: HTTPByteRange) {
        #expect(HTTPByteRange(header: header, size: 10) == expected)
    }

    @Test func `targets are split without decoding`() {
        #expect(HTTPResponder.split("/phone-home?boot=a1&x").query == ["boot": "a1", "x": ""])
        #expect(HTTPResponder.split("http://10.0.0.1:8080/boot/a/kernel").path == "/boot/a/kernel")
        #expect(HTTPResponder.split("http://10.0.0.1").path == "/")
        #expect(HTTPResponder.split("").path == "")
    }
}
