// Times as text, without Foundation: RFC 3339 for the log, IMF-fixdate (RFC 9110 section 5.6.7) for the `date` field.
internal import CLinux
internal import Glibc

/// Formats UTC times.
///
/// A time is given in seconds since 1970, without leap seconds.
package enum Timestamp {
    /// A time such as `2026-11-23T19:20:17.123Z`.
    package static func rfc3339(seconds: Int, microseconds: Int) -> String {
        var text: [UInt8] = []
        appendCivil(seconds, to: &text)
        text.append(UInt8(ascii: "."))
        text.append(digits: microseconds / 1000, count: 3)
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    /// A time such as `2026-11-23T19:20:17Z`.
    package static func rfc3339(seconds: Int) -> String {
        var text: [UInt8] = []
        appendCivil(seconds, to: &text)
        text.append(UInt8(ascii: "Z"))
        return String(decoding: text, as: UTF8.self)
    }

    private static func appendCivil(_ seconds: Int, to text: inout [UInt8]) {
        let fields = unsafe fields(of: seconds)
        text.reserveCapacity(24)
        unsafe text.append(decimal: Int(fields.tm_year) + 1900)
        func two(_ number: CInt, after separator: Unicode.Scalar) {
            text.append(UInt8(ascii: separator))
            text.append(digits: Int(number), count: 2)
        }
        unsafe two(fields.tm_mon + 1, after: "-")
        unsafe two(fields.tm_mday, after: "-")
        unsafe two(fields.tm_hour, after: "T")
        unsafe two(fields.tm_min, after: ":")
        unsafe two(fields.tm_sec, after: ":")
    }

    /// A time such as `Mon, 23 Nov 2026 19:20:17 GMT`.
    package static func imfFixdate(seconds: Int) -> String {
        let fields = unsafe fields(of: seconds)
        let (weekday, month) = unsafe (weekdays[Int(fields.tm_wday)], months[Int(fields.tm_mon)])
        let date = unsafe "\(weekday), \(two(fields.tm_mday)) \(month) \(Int(fields.tm_year) + 1900)"
        return unsafe "\(date) \(two(fields.tm_hour)):\(two(fields.tm_min)):\(two(fields.tm_sec)) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// The last second that `gmtime_r` can convert, at the end of the year 2147485547.
    private static let secondsMax = 67_768_036_191_676_799

    /// Splits a time in seconds since 1970 into UTC date and time of day.
    ///
    /// A negative `seconds`, a time before 1970, is treated as 0.
    private static func fields(of seconds: Int) -> tm {
        var time = min(max(0, seconds), secondsMax)
        var fields = unsafe tm()
        unsafe gmtime_r(&time, &fields)
        return unsafe fields
    }
}
