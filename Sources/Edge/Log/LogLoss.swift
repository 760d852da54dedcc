// The number of log lines that a write has lost, and the cause.
internal import Glibc

/// How many lines a write has lost.
struct LogLoss: Equatable, Sendable {
    /// The number of lines that were dropped and are not tried again.
    var lines = 0
    /// The errno of the write; 0 if the descriptor stayed full too long because nobody read from it.
    var code: CInt = 0
}
