// The error of a server that cannot start, as text for the operator.

/// The reason why the server did not start; `serve` prints the reason and exits with 1.
package struct StartError: Error, CustomStringConvertible {
    /// The reason, without a final full stop.
    package var description: String
}
