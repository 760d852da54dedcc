// Why the server could not start, in words for the operator.

/// The reason for which the server did not start: `serve` prints it and exits with 1.
package struct StartError: Error, CustomStringConvertible {
    /// The reason, without a final full stop.
    package var description: String
}
