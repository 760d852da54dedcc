// The error that keeps a bench from running, or ends it.

/// The reason why a bench cannot run or cannot continue.
package struct BenchError: Error, CustomStringConvertible {
    /// The reason, in one line.
    package let description: String

    /// Makes an error with the given reason.
    package init(_ description: String) { self.description = description }
}
