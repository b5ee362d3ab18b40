/// libFuzzer's entry: the target is named when the program is built.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: data, count: size))
    #if FUZZ_DHCP
        FuzzTargets.dhcp(bytes)
    #elseif FUZZ_TFTP
        FuzzTargets.tftp(bytes)
    #else
        FuzzTargets.http(bytes)
    #endif
    return 0
}
