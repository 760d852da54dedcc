// Times as text, without Foundation: RFC 3339 for the log, IMF-fixdate (RFC 9110 section 5.6.7) for the `date` field.
package enum Timestamp {
    /// As in `2026-11-23T19:20:17.123Z`.
    package static func rfc3339(seconds: Int, microseconds: Int) -> String {
        var text: [UInt8] = []
        appendCivil(seconds, to: &text)
        text.append(UInt8(ascii: "."))
        text.append(digits: microseconds / 1000, count: 3)
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// As in `2026-11-23T19:20:17Z`.
    package static func rfc3339(seconds: Int) -> String {
        var text: [UInt8] = []
        appendCivil(seconds, to: &text)
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// Nothing here is of before 1970; what is nonsense is told as its first second.
    private static func appendCivil(_ seconds: Int, to text: inout [UInt8]) {
        let seconds = max(0, seconds)
        let day = Day(seconds: seconds)
        let time = seconds % 86_400
        text.reserveCapacity(24)
        text.append(decimal: day.year)
        func two(_ number: Int, after separator: Unicode.Scalar) {
            text.append(UInt8(ascii: separator))
            text.append(digits: number, count: 2)
        }
        two(day.month, after: "-")
        two(day.day, after: "-")
        two(time / 3600, after: "T")
        two(time / 60 % 60, after: ":")
        two(time % 60, after: ":")
    }

    /// As in `Mon, 23 Nov 2026 19:20:17 GMT`.
    package static func imfFixdate(seconds: Int) -> String {
        let day = Day(seconds: seconds)
        let time = seconds % 86_400
        return "\(weekdays[day.weekday]), \(two(day.day)) \(months[day.month - 1]) \(day.year) "
            + "\(two(time / 3600)):\(two(time / 60 % 60)):\(two(time % 60)) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The civil date of a second since 1970 (proleptic Gregorian, by eras of 400 years that begin in March).
    private struct Day {
        var year: Int
        var month: Int
        var day: Int
        var weekday: Int

        init(seconds: Int) {
            let days = seconds / 86_400
            weekday = (days + 4) % 7
            let shifted = days + 719_468
            let era = shifted / 146_097
            let dayOfEra = shifted - era * 146_097
            let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
            let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
            let shiftedMonth = (5 * dayOfYear + 2) / 153
            day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
            month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
            year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        }
    }
}
