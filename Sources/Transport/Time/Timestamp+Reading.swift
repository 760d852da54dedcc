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

    /// Seconds since 1970 of a date in any of the three forms of RFC 9110 section 5.6.7; nil where it is none of them.
    ///
    /// The day of the week is not checked: only the date counts.
    package static func seconds(httpDate text: String) -> Int? {
        var words = text.split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
        guard words.count >= 5 else { return nil }
        words.removeFirst()
        // asctime: Sun Nov  6 08:49:37 1994
        if Int(words[0]) == nil { words = [words[1], words[0], words[3], words[2], "GMT"] }
        guard words.count == 5, words[4] == "GMT" || words[4] == "UTC", let day = Int(words[0]),
            let month = months.firstIndex(of: words[1]), var year = Int(words[2])
        else { return nil }
        // RFC 850: Sunday, 06-Nov-94 08:49:37 GMT
        if words[2].utf8.count == 2 { year += year < 70 ? 2000 : 1900 }
        let time = words[3].split(separator: ":").map { Int($0) ?? -1 }
        // The largest year leaves room for the sum.
        guard (1970...9999).contains(year), (1...days(in: month + 1, of: year)).contains(day), time.count == 3,
            (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0...60).contains(time[2])
        else { return nil }
        return dayNumber(year: year, month: month + 1, day: day) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2]
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
