// The number of log lines that one write or a full queue has lost, and the cause.
internal import Glibc

/// How many log lines one write or a full queue has lost, and why.
struct LogLoss: Equatable, Sendable {
    /// The number of lost lines, which are not written later.
    var lines = 0
    /// The errno of the failed write; 0 if no write failed, but the output was blocked or the queue was full.
    var code: CInt = 0
}
