import Testing

@testable import Transport

@Suite struct BytesTests {
    @Test(arguments: [0, 1, 9, 10, 99, 100, 12_345, -1, -10, .max, .min])
    func numbersAreAsStringsHaveThem(number: Int) {
        var bytes: [UInt8] = [0x3D]
        bytes.append(decimal: number)
        #expect(String(decoding: bytes, as: UTF8.self) == "=\(number)")
    }

    @Test func theLastDigits() {
        var bytes: [UInt8] = []
        bytes.append(digits: 7, count: 3)
        bytes.append(digits: 0, count: 2)
        bytes.append(digits: 12_345, count: 2)
        #expect(bytes == Array("0070045".utf8))
    }

    @Test(
        arguments: [
            ("https", "https", true), ("https", "http", false), ("httq", "http", false), ("", "", true),
            ("", "a", false),
        ] as [(String, StaticString, Bool)]
    )
    func equality(bytes: String, text: StaticString, isSame: Bool) {
        let bytes = Array(bytes.utf8)
        let equals = bytes.span.equals(text)
        #expect(equals == isSame)
    }
}
