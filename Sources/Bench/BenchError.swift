// The error that ends a bench.

/// Why a bench cannot run.
package struct BenchError: Error, CustomStringConvertible {
    /// One line for people to read.
    package let description: String

    /// An error with this description.
    package init(_ description: String) { self.description = description }
}
