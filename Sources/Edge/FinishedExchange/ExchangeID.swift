// The id that the server gives to each exchange, in addition to the request id, which the client may choose.

/// The id of an exchange, unique among all exchanges of a log, unless two processes start within the same millisecond.
package struct ExchangeID: Hashable, Sendable, CustomStringConvertible {
    /// When the process started, in milliseconds since 1970.
    package var processStart: Int
    /// The number of the exchange in the process.
    ///
    /// Of four workers, the first gives the numbers 1, 5, 9 and so on, so that no two workers give the same number.
    package var number: Int

    /// Makes the id of the exchange with this number in the process that started at `processStart`.
    package init(processStart: Int, number: Int) {
        self.processStart = processStart
        self.number = number
    }

    /// The id as the log line has it: `1767225600000-42`.
    package var description: String { "\(processStart)-\(number)" }
}
