// Reads how long the edge should wait before it sends an engine another request. Engines and gateways say this in many
// forms.
package import HTTP
internal import Transport

/// Reads how long to wait before the next request to an engine, from header fields, JSON members and sentences.
///
/// All results are in milliseconds.
package enum RetryAfter {
    /// The smallest and the largest result in milliseconds: a second and an hour.
    ///
    /// A shorter wait is raised to a second, and a longer wait is reduced to an hour.
    package static let bounds = 1_000...3_600_000

    /// The waiting time that the header fields of a response ask for; nil if they ask for none.
    ///
    /// The first of these fields that the response has is used: `retry-after-ms`; `retry-after` in seconds, with a
    /// fraction, or as a date (RFC 9110 section 10.2.3); the times at which used-up rate limits are reset.
    ///
    /// - Parameter now: The time in seconds since 1970; if the response has a `date`, it is used instead.
    package static func milliseconds(_ fields: FieldBlock, now: Int) -> Int? {
        let date = fields.string(.date).flatMap { Timestamp.seconds(httpDate: $0) }
        return milliseconds(now: date ?? now) { fields.string(named: $0) }
    }

    /// The waiting time that named values ask for; nil if they ask for none.
    ///
    /// The values are header fields, or members of a JSON object.
    ///
    /// - Parameter field: Returns the value for a name, which is in lower case with hyphens; nil if there is no value.
    static func milliseconds(now: Int = Clock.wallTime().seconds, _ field: (String) -> String?) -> Int? {
        for name in ["retry-after-ms", "retryafterms"] {
            if let number = field(name).flatMap({ decimal($0.trimmingSpace) }) { return bounded(number) }
        }
        for name in [
            "retry-after", "retryafter", "retry-after-seconds", "x-retry-after", "retrydelay", "retry-delay",
            "resets-in-seconds", "resets-at", "estimated-time",
        ] {
            if let wait = field(name).flatMap({ wait($0, now: now) }) { return bounded(wait) }
        }
        return reset(now: now, field).map { bounded($0) }
    }

    /// The time until all used-up rate limits are reset, in milliseconds.
    ///
    /// A rate limit counts as used up if none of its requests or tokens remain, or if no value says how many remain.
    private static func reset(now: Int, _ field: (String) -> String?) -> Double? {
        let limits = [
            ("x-ratelimit-reset", "x-ratelimit-remaining"), ("ratelimit-reset", "ratelimit-remaining"),
            ("x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"),
            ("x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"),
            ("anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"),
            ("anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"),
            ("anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining"),
            ("anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining"),
        ]
        return limits.compactMap { reset, remaining in
            if let left = field(remaining).flatMap({ decimal($0.trimmingSpace) }), left > 0 { return nil }
            return field(reset).flatMap { wait($0, now: now) }
        }.max()
    }

    /// Reads a waiting time in any form, in milliseconds; nil if the text has another form.
    ///
    /// The forms are seconds, a duration with units, a point in time, and a date. A number that is too large for a
    /// waiting time is a point in time, in seconds or milliseconds since 1970. If a field was sent several times, the
    /// longest of its waiting times counts.
    private static func wait(_ text: String, now: Int) -> Double? {
        let text = text.trimmingSpace
        if let number = decimal(text) {
            if number > 1e11 { return number - Double(now) * 1000 }
            return (number > 1e9 ? number - Double(now) : number) * 1000
        }
        if let duration = duration(text) { return duration }
        if let moment = Timestamp.seconds(text) ?? Timestamp.seconds(httpDate: text) {
            return Double(moment - now) * 1000
        }
        let parts = text.split(separator: ",").map { String($0).trimmingSpace }
        let waits = parts.compactMap { part in decimal(part).map { $0 * 1000 } ?? duration(part) }
        return parts.count > 1 && waits.count == parts.count ? waits.max() : nil
    }

    /// Reads a decimal number such as `1.5`; nil for `0x10`, `1e9` or `nan`, which `Double` would accept as well.
    private static func decimal(_ text: String) -> Double? {
        let isDecimal = text.allSatisfy { $0.isASCII && $0.isNumber || ".-+".contains($0) }
        return isDecimal ? Double(text) : nil
    }

    /// Reads a duration such as `1m30s`, `20ms`, `7.66s` or `2 minutes`, in milliseconds; nil for any other text.
    private static func duration(_ text: some StringProtocol) -> Double? {
        var rest = Substring(text)[...]
        var sum = 0.0
        while !rest.isEmpty {
            guard let (part, count) = firstPart(of: rest) else { return nil }
            sum += part
            rest = rest.dropFirst(count).drop { $0 == " " }
        }
        return text.isEmpty ? nil : sum
    }

    /// Reads a number and its unit, such as `7.66s`, from the beginning of a text.
    ///
    /// - Returns: The duration in milliseconds, and the number of characters that were read.
    private static func firstPart(of text: Substring) -> (Double, Int)? {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        guard !digits.isEmpty, let number = Double(digits.hasSuffix(".") ? digits.dropLast() : digits) else {
            return nil
        }
        let gap = text.dropFirst(digits.count).prefix { $0 == " " }
        let unit = text.dropFirst(digits.count + gap.count).prefix { $0.isLetter }
        let factor: Double
        switch unit.lowercased() {
        case "ms", "millisecond", "milliseconds": factor = 1
        case "s", "sec", "secs", "second", "seconds": factor = 1_000
        case "m", "min", "mins", "minute", "minutes": factor = 60_000
        case "h", "hr", "hour", "hours": factor = 3_600_000
        case "d", "day", "days": factor = 86_400_000
        default: return nil
        }
        return (number * factor, digits.count + gap.count + unit.count)
    }

    /// Phrases that come before a duration in a sentence, as in `try again in 20s`.
    private static let phrases = [
        "try again in ", "retry in ", "retry after ", "try again after ", "available in ", "available again in ",
        "wait ",
        "resets in ", "reset in ", "reset after ", "retrying in ", "retry-after: ",
    ]
    /// Words that may come between one of the `phrases` and the duration, as in `wait for about 20s`.
    private static let fillers: Set<Substring> = [
        "for", "about", "at", "least", "approximately", "approx.", "around", "another", "roughly", "~", "an",
        "additional",
        "a", "the", "next", "in", "after", "up", "to",
    ]

    /// Reads the waiting time from a sentence such as `Please try again in 1.2s` or `wait for about 2 minutes`.
    ///
    /// The result is in milliseconds; nil if the sentence has no waiting time.
    static func milliseconds(in text: String) -> Int? {
        let text = text.lowercased()
        for phrase in phrases {
            guard let range = text.firstRange(of: phrase) else { continue }
            var rest = text[range.upperBound...].drop { $0 == " " || $0 == "~" }
            for _ in 0..<4 {
                let word = rest.prefix { $0 != " " }
                guard fillers.contains(word) else { break }
                rest = rest.dropFirst(word.count).drop { $0 == " " || $0 == "~" }
            }
            var sum: Double?
            while let (part, count) = firstPart(of: rest) {
                sum = (sum ?? 0) + part
                rest = rest.dropFirst(count).drop { $0 == " " }
            }
            if let sum { return bounded(sum) }
        }
        return nil
    }

    private static func bounded(_ milliseconds: Double) -> Int {
        Int(min(max(milliseconds.rounded(.up), Double(bounds.lowerBound)), Double(bounds.upperBound)))
    }
}

extension String {
    fileprivate var trimmingSpace: String {
        var text = self[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
