// Why a single value of a configuration is not valid.

/// What is wrong with a single value, worded to follow the quoted value in a message.
package struct ValueProblem: Error, Sendable, Equatable {
    /// What is wrong, without the value.
    package let message: String

    package init(_ message: String) {
        self.message = message
    }
}
