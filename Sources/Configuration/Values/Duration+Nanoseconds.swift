// The durations of a configuration in nanoseconds, as timers need them.

extension Duration {
    /// The duration in nanoseconds.
    ///
    /// No duration of a configuration is longer than a day, so there is no overflow.
    package var inNanoseconds: Int {
        let (seconds, attoseconds) = components
        return Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000)
    }
}
