// Converts the durations of a configuration to nanoseconds, which timers need.

extension Duration {
    /// The duration in nanoseconds.
    ///
    /// No duration of a configuration is longer than 365 days, so there is no overflow.
    package var inNanoseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
