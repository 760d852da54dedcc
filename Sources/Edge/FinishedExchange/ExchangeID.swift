// A name of our own for each exchange, beside the request id that its client may choose.

/// Unique as long as no two processes start within the same millisecond.
package struct ExchangeID: Hashable, Sendable, CustomStringConvertible {
    /// When the process started, in milliseconds since 1970.
    package var processStart: Int
    /// Counts the exchanges of the process, each worker in steps of the number of workers.
    package var number: Int

    package init(processStart: Int, number: Int) {
        self.processStart = processStart
        self.number = number
    }

    package var description: String { "\(processStart)-\(number)" }
}
