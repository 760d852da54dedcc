// The number of log lines that a write has lost, and the cause.
internal import Glibc

/// How many lines a write has lost, and why.
struct LogLoss: Equatable, Sendable {
    /// The number of lost lines, which are not written later.
    var lines = 0
    /// The errno of the failed write; 0 if there was no room, because nobody read the output.
    var code: CInt = 0
}
