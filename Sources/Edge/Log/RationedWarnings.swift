// Limits warnings that clients can cause to one a second of each kind, so that no client can flood the journal.
internal import HTTP

/// When a warning of each kind was last written, and how many were left out since.
///
/// Shared by all workers: `ProcessState` holds it under a lock.
struct RationedWarnings: Sendable {
    /// What a warning is about; each kind is limited on its own.
    enum Kind: Hashable, Sendable {
        case acceptingPauses, memory, connectionClosed, adminConnection, certificates
        /// A client speaks another protocol than its listener.
        case spoke(OtherProtocol)
    }

    private struct Last {
        var second: Int
        var leftOut = 0
    }

    private var last: [Kind: Last] = [:]

    /// Whether a warning may be written in this second of the wall clock; one that may not is counted as left out.
    ///
    /// - Returns: nil if it may not; otherwise the number of warnings of its kind that were left out since the last
    ///   one.
    mutating func take(_ kind: Kind, at second: Int) -> Int? {
        let before = last[kind]
        if let before, before.second == second {
            last[kind] = Last(second: second, leftOut: before.leftOut + 1)
            return nil
        }
        last[kind] = Last(second: second)
        return before?.leftOut ?? 0
    }
}
