// Log lines that were lost, and why.
internal import Glibc

/// How many lines a write has lost.
struct LogLoss: Equatable, Sendable {
    /// The number of lines that were not written, and never will be.
    var lines = 0
    /// The errno of the write; 0 if nobody read the descriptor in time.
    var code: CInt = 0
}
