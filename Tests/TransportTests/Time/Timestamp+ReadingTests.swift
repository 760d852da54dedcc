// Parsing dates and timestamps from text.
import Testing

@testable import Transport

@Suite struct TimestampReadingTests {
    @Test func timesAreDaysOrMoments() {
        #expect(Timestamp.seconds("1970-01-01") == 0)
        #expect(Timestamp.seconds("2000-02-29T23:59:59Z") == 951_868_799)
        #expect(
            Timestamp.seconds("2026-11-23T19:20:17Z").map { Timestamp.rfc3339(seconds: $0) } == "2026-11-23T19:20:17Z"
        )
        #expect(Timestamp.seconds("2100-03-01") == 4_107_542_400)
        for bad in [
            "", "2027-02-29", "2027-13-01", "2027-00-01", "2027-01-00", "27-01-01", "2027/01/01", "1969-12-31",
            "2027-01-01T24:00:00Z", "2027-01-01 00:00:00Z", "2027-01-01T00:00:00", "2027-01-01T00:00:00+01",
        ] { #expect(Timestamp.seconds(bad) == nil, "\(bad)") }
    }
}
