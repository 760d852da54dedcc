// The value of the `date` field of responses, made at most once a second.
internal import Transport

/// The current time as HTTP writes it (RFC 9110 section 5.6.7); confined to its worker.
struct DateField {
    private var second = 0
    private var text = ""

    /// The value for the current second of the wall clock.
    mutating func value() -> String {
        let now = Clock.wallTime().seconds
        if now != second {
            second = now
            text = Timestamp.imfFixdate(seconds: now)
        }
        return text
    }
}
