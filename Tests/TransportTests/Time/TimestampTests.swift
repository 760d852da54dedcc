import Testing

@testable import Transport

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        (951_782_399, "2000-02-28T23:59:59.000Z", "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "2000-02-29T00:00:00.000Z", "Tue, 29 Feb 2000 00:00:00 GMT"),
        (1_709_251_199, "2024-02-29T23:59:59.000Z", "Thu, 29 Feb 2024 23:59:59 GMT"),
        (1_735_689_599, "2024-12-31T23:59:59.000Z", "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z", "Mon, 01 Mar 2100 00:00:00 GMT"),
    ])
    func saysTheDate(seconds: Int, rfc3339: String, imf: String) {
        #expect(Timestamp.rfc3339(seconds: seconds, microseconds: 0) == rfc3339)
        #expect(Timestamp.imfFixdate(seconds: seconds) == imf)
    }

    @Test func millisecondsHaveThreeDigits() {
        #expect(Timestamp.rfc3339(seconds: 0, microseconds: 7_999).hasSuffix("00.007Z"))
        #expect(Timestamp.rfc3339(seconds: 0, microseconds: 123_456).hasSuffix("00.123Z"))
    }
}
