import Diagnostics
import Testing

@Suite struct QuantityTests {
    @Test(arguments: [
        (0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (102_348, "99.9 KiB"), (102_400, "100 KiB"),
        (1_048_063, "1023 KiB"), (1_048_570, "1.0 MiB"), (87_450_000, "83.4 MiB"), (1 << 30, "1.0 GiB"),
        (5 << 50, "5120 TiB"),
    ])
    func `bytes are shown in powers of 1,024`(count: Int, text: String) {
        #expect(formatBytes(count) == text)
    }

    @Test(arguments: [
        (-1, "0.00 s"), (0.084, "0.08 s"), (0.994, "0.99 s"), (0.996, "1.0 s"), (9.94, "9.9 s"), (9.96, "10 s"),
        (41.2, "41 s"), (119.6, "2 min 0 s"), (185, "3 min 5 s"),
    ])
    func `seconds are shown as finely as they matter`(seconds: Double, text: String) {
        #expect(formatSeconds(seconds) == text)
        #expect(formatSeconds(Duration.seconds(seconds)) == text)
    }
}
