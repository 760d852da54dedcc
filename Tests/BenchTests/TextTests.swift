// The format of numbers and columns in reports.
import Testing

@testable import Bench

@Suite struct TextTests {
    @Test func numbersAreRounded() {
        #expect(Text.fixed(1.2345, digits: 3) == "1.235" || Text.fixed(1.2345, digits: 3) == "1.234")
        #expect(Text.fixed(0.0049, digits: 2) == "0.00")
        #expect(Text.fixed(-0.5, digits: 1) == "-0.5")
        #expect(Text.fixed(12.6, digits: 0) == "13")
    }

    @Test(arguments: [
        (0.0, 3, "0.000"), (1.5, 1, "1.5"), (1.25, 1, "1.3"), (0.999, 2, "1.00"), (12.005, 0, "12"),
        (-0.004, 2, "0.00"),
        (-1.5, 1, "-1.5"), (7.04, 3, "7.040"), (99.95, 1, "100.0"),
    ])
    func aNumberHasItsDecimalPlaces(value: Double, digits: Int, text: String) {
        #expect(Text.fixed(value, digits: digits) == text)
    }

    @Test func columnsAreFilledUpAndNeverCut() {
        #expect(Text.left("ab", 4) == "ab  " && Text.right("ab", 4) == "  ab")
        #expect(Text.left("abc", 2) == "abc" && Text.right("abc", 0) == "abc")
    }
}
