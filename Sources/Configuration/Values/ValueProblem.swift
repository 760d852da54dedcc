// Why a single value of a configuration is not valid.

/// A problem of a single value, worded so that it can follow the quoted value in a message.
package struct ValueProblem: Error, Sendable, Equatable {
    /// The text of the problem, without the value.
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}
