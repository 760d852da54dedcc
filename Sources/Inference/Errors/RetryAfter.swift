// When an engine may be asked again: the many ways in which engines and gateways say it.
package import HTTP
internal import Transport

/// Waits are in milliseconds.
package enum RetryAfter {
    /// What is asked for is kept within a second and an hour.
    package static let bounds = 1_000...3_600_000

    /// What the header fields of an answer say: `retry-after-ms`, `retry-after` as seconds, as a fraction or as a date,
    /// and when the rate limits that are used up begin anew.
    ///
    /// - Parameter now: Seconds since 1970; the answer's own `date` counts instead where it has one.
    package static func milliseconds(_ fields: FieldBlock, now: Int) -> Int? {
        let date = fields.string(.date).flatMap { Timestamp.seconds(httpDate: $0) }
        return milliseconds(now: date ?? now) { fields.string(named: $0) }
    }

    /// The same of fields by their names in lower case, wherever they stand.
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

    /// When the limits begin anew of which nothing is left; without a word on what is left, the last of them.
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

    /// A number of seconds, a duration with its units, a moment, or a date; of several numbers or durations, which a field
    /// has that was sent twice, the longest.
    ///
    /// A number that is far too large for a wait is a moment: in seconds, or in milliseconds, since 1970.
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

    /// Digits, with a fraction or not: `Double` also reads `0x10`, `1e9` and `nan`.
    private static func decimal(_ text: String) -> Double? {
        let isDecimal = text.allSatisfy { $0.isASCII && $0.isNumber || ".-+".contains($0) }
        return isDecimal ? Double(text) : nil
    }

    /// As in `1m30s`, `20ms`, `7.66s`, `2 minutes`; nil where there is anything else.
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

    /// A number and its unit at the begin of a text, in milliseconds, and how many characters they take.
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

    private static let phrases = [
        "try again in ", "retry in ", "retry after ", "try again after ", "available in ", "available again in ",
        "wait ",
        "resets in ", "reset in ", "reset after ", "retrying in ", "retry-after: ",
    ]
    private static let fillers: Set<Substring> = [
        "for", "about", "at", "least", "approximately", "approx.", "around", "another", "roughly", "~", "an",
        "additional",
        "a", "the", "next", "in", "after", "up", "to",
    ]

    /// What a sentence says: `Please try again in 1.2s`, `Retry after 5 seconds`, `wait for about 2 minutes`.
    static func milliseconds(in text: String) -> Int? {
        let text = text.lowercased()
        for phrase in phrases {
            guard let place = text.firstRange(of: phrase) else { continue }
            var rest = text[place.upperBound...].drop { $0 == " " || $0 == "~" }
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
