// Tests how durations and sizes are read and printed.

import Testing

@testable import Configuration

@Suite struct QuantityTests {
    @Test func durationsHaveUnits() {
        #expect(Quantity.duration("250ms") == .milliseconds(250))
        #expect(Quantity.duration("200us") == .microseconds(200))
        #expect(Quantity.duration("5m") == .seconds(300))
        #expect(Quantity.duration("1h") == .seconds(3600))
        for text in ["", "10", "s", "1.5s", "10 s", "10S", "1m30s", "--1s", "1-s", "9223372036854775807s"] {
            #expect(Quantity.duration(text) == nil)
        }
        #expect(Quantity.text(.milliseconds(1500)) == "1500ms")
        #expect(Quantity.text(.zero) == "0s")
        #expect(Duration.milliseconds(1500).inNanoseconds == 1_500_000_000)
    }

    @Test func sizesAreBytesOrBinaryUnits() {
        #expect(Quantity.size("0") == 0)
        #expect(Quantity.size("1B") == 1)
        #expect(Quantity.size("256KiB") == 262_144)
        #expect(Quantity.size("1GiB") == 1 << 30)
        for text in ["", "KiB", "1KB", "1k", "1 KiB", "1.5MiB", "0x10"] { #expect(Quantity.size(text) == nil) }
        #expect(Quantity.text(bytes: 1536) == "1536B")
    }
}
