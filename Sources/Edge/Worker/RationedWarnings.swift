// What strangers can cause is said once a second of each kind, so that nobody can fill the journal.
internal import HTTP

/// Which kinds of warnings have been said when, and how many were left out.
///
/// Shared by all workers, under a lock.
struct RationedWarnings: Sendable {
    enum Kind: Hashable, Sendable {
        case acceptingPauses, memory, connectionClosed, adminConnection, certificates
        /// A client speaks something else than its port.
        case spoke(OtherProtocol)
    }

    private struct Said {
        var second: Int
        var leftOut = 0
    }

    private var said: [Kind: Said] = [:]

    /// Whether one may be said in this second of the wall clock.
    ///
    /// - Returns: nil if not; else how many of its kind were left out since the last one.
    mutating func take(_ kind: Kind, at second: Int) -> Int? {
        let last = said[kind]
        if let last, last.second == second {
            said[kind] = Said(second: second, leftOut: last.leftOut + 1)
            return nil
        }
        said[kind] = Said(second: second)
        return last?.leftOut ?? 0
    }
}
