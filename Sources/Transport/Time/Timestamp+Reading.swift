// Parses dates and times in the formats that people write in files and commands, and in the formats of HTTP header
// fields.
internal import CLinux
internal import Glibc

extension Timestamp {
    /// The formats that `seconds(_:)` accepts, for an error message.
    package static let expected = "a day such as 2027-01-31, or a moment such as 2027-01-31T12:00:00Z"

    /// Parses a UTC day (`2027-01-31`) or moment (`2027-01-31T12:00:00Z`) into seconds since 1970.
    ///
    /// - Returns: for a day, the time of its first second; nil for any other text, and for times before 1970.
    package static func seconds(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10 || bytes.count == 20, hasForm(bytes) else { return nil }
        func number(_ range: Range<Int>) -> Int { bytes[range].reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } }
        let (year, month, day) = (number(0..<4), number(5..<7), number(8..<10))
        guard year >= 1970, (1...12).contains(month), var seconds = start(ofYear: year, month: month, day: day) else {
            return nil
        }
        if bytes.count == 20 {
            let (hour, minute, second) = (number(11..<13), number(14..<16), number(17..<19))
            guard hour < 24, minute < 60, second < 60 else { return nil }
            seconds += hour * 3600 + minute * 60 + second
        }
        return seconds
    }

    /// Whether the text has its digits and separators in the same places as `2027-01-31` or `2027-01-31T12:00:00Z`.
    private static func hasForm(_ bytes: [UInt8]) -> Bool {
        zip(bytes, "dddd-dd-ddTdd:dd:ddZ".utf8).allSatisfy { byte, wanted in
            wanted == UInt8(ascii: "d") ? byte.isDigit : byte == wanted
        }
    }

    /// Parses a date in any of the three formats of RFC 9110 section 5.6.7 into seconds since 1970.
    ///
    /// The day of the week is not checked.
    ///
    /// - Returns: nil for any other text, and for times before 1970.
    package static func seconds(httpDate text: String) -> Int? {
        var words = text.split { " ,-".contains($0) }.map(String.init)
        guard words.count >= 5 else { return nil }
        words.removeFirst()
        // The words of the asctime format, such as `Sun Nov  6 08:49:37 1994`, are brought into the order of the other
        // formats.
        if Int(words[0]) == nil { words = [words[1], words[0], words[3], words[2], "GMT"] }
        guard words.count == 5, ["GMT", "UTC"].contains(words[4]), let day = Int(words[0]),
            let month = months.firstIndex(of: words[1]), var year = Int(words[2])
        else { return nil }
        // The RFC 850 format, such as `Sunday, 06-Nov-94 08:49:37 GMT`, has a year of two digits.
        if words[2].utf8.count == 2 { year += year < 70 ? 2000 : 1900 }
        let time = words[3].split(separator: ":").map { Int($0) ?? -1 }
        guard (1970...9999).contains(year), let start = start(ofYear: year, month: month + 1, day: day),
            time.count == 3, (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0...60).contains(time[2])
        else { return nil }
        return start + time[0] * 3600 + time[1] * 60 + time[2]
    }

    /// The first second of a UTC day, in seconds since 1970; nil if the calendar has no such day.
    ///
    /// - Parameters:
    ///   - year: from 1970 to 9999.
    ///   - month: from 1 to 12.
    private static func start(ofYear year: Int, month: Int, day: Int) -> Int? {
        guard (1...31).contains(day) else { return nil }
        var fields = unsafe tm()
        unsafe fields.tm_year = CInt(year - 1900)
        unsafe fields.tm_mon = CInt(month - 1)
        unsafe fields.tm_mday = CInt(day)
        let seconds = unsafe timegm(&fields)
        // timegm turns a day that the month lacks, such as February 30, into a day of the next month.
        return unsafe Int(fields.tm_mday) == day ? seconds : nil
    }
}
