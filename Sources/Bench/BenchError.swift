// The error with which a bench ends.

/// Why a bench cannot run.
package struct BenchError: Error, CustomStringConvertible {
    /// The reason, in one line.
    package let description: String

    /// Makes an error with the given reason.
    package init(_ description: String) { self.description = description }
}
