// The character class of each of the 256 bytes, compared with the standard library's class of the same character.
import Testing

@testable import Transport

struct ASCIITests {
    @Test func classesAreThoseOfTheCharacters() {
        for byte in UInt8.min...UInt8.max {
            let character = Character(UnicodeScalar(byte))
            #expect(byte.isDigit == (character.isASCII && character.isNumber), "\(byte)")
            #expect(byte.isLetter == (character.isASCII && character.isLetter), "\(byte)")
            #expect(byte.isAlphanumeric == (byte.isDigit || byte.isLetter), "\(byte)")
            #expect(byte.isHexDigit == (character.isASCII && character.isHexDigit), "\(byte)")
            #expect(byte.hexDigitValue.map(Int.init) == character.hexDigitValue, "\(byte)")
            #expect(byte.lowercased == (character.isASCII ? character.lowercased().utf8.first : byte), "\(byte)")
        }
    }

    @Test func digitsAreThoseOfTheirValues() {
        #expect((0..<16).map { UInt8.hexDigit($0) } == Array("0123456789abcdef".utf8))
        #expect((0..<16).map { UInt8.hexDigit($0, uppercase: true) } == Array("0123456789ABCDEF".utf8))
    }
}
