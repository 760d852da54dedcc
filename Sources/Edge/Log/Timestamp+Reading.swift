// Times that people write: a day, or a moment in UTC.

extension Timestamp {
    package static let expected = "a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z"

    /// Seconds since 1970 of a day's begin, or of a moment, both in UTC; nil where it is neither, or before 1970.
    package static func seconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20 else { return nil }
        let form = Array("dddd-dd-ddTdd:dd:ddZ".utf8.prefix(bytes.count))
        for (byte, wanted) in zip(bytes, form) {
            let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            guard wanted == UInt8(ascii: "d") ? isDigit : byte == wanted else { return nil }
        }
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        guard year >= 1970, (1...12).contains(month), (1...days(in: month, of: year)).contains(day) else { return nil }
        var seconds = dayNumber(year: year, month: month, day: day) * 86_400
        if bytes.count == 20 {
            let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
            guard hour < 24, minute < 60, second < 60 else { return nil }
            seconds += hour * 3600 + minute * 60 + second
        }
        return seconds
    }

    private static func days(in month: Int, of year: Int) -> Int {
        let next = month == 12 ? (year: year + 1, month: 1) : (year: year, month: month + 1)
        return dayNumber(year: next.year, month: next.month, day: 1) - dayNumber(year: year, month: month, day: 1)
    }

    /// Days since 1970: the other direction of `Day`, by the same eras of 400 years that begin in March.
    private static func dayNumber(year: Int, month: Int, day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let yearOfEra = year % 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return year / 400 * 146_097 + dayOfEra - 719_468
    }
}
