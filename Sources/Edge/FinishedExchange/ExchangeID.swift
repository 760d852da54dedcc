// The id that the server gives to each exchange (a request and its response). The client may choose a second id itself:
// the request id.

/// The id of an exchange, which is a request and its response.
///
/// The id is unique in a log, unless two processes start within the same millisecond.
package struct ExchangeID: Hashable, Sendable, CustomStringConvertible {
    /// When the process started, in milliseconds since 1970.
    package var processStart: Int
    /// The number of the exchange; no other exchange of the process has the same number.
    ///
    /// Each worker numbers its own exchanges. Of four workers, for example, the first uses the numbers 1, 5, 9 and so
    /// on.
    package var number: Int

    /// Makes the id of the exchange with this number in the process that started at `processStart`.
    package init(processStart: Int, number: Int) {
        self.processStart = processStart
        self.number = number
    }

    /// The id as the log line has it: `1767225600000-42`.
    package var description: String { "\(processStart)-\(number)" }
}
