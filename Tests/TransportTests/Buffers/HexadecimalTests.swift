// Bytes to hexadecimal text and back.
import Testing

@testable import Transport

struct HexadecimalTests {
    @Test func hexadecimalGoesBothWays() {
        #expect(Hexadecimal.text([0, 0x1f, 0xff]) == "001fff")
        #expect(Hexadecimal.bytes("001FfF") == [0, 0x1f, 0xff])
        for bad in ["0", "0g", "+1", " 1", "é1"] { #expect(Hexadecimal.bytes(bad) == nil) }
    }
}
