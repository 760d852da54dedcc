// The number of log lines that a write has lost, and the cause.
internal import Glibc

/// How many lines a write has lost, and why.
struct LogLoss: Equatable, Sendable {
    /// The number of lost lines, which are not written later.
    var lines = 0
    /// The errno of the write; 0 if the queue or the output was full, because nobody read the output.
    var code: CInt = 0
}
