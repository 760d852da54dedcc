// Rations the warnings that clients can cause: at most one of each kind is written per second, so that no client can
// flood the journal.
internal import HTTP

/// When each kind of warning was last written, and how many warnings of the kind were left out since then.
///
/// Shared by all workers: `ProcessState` holds it under a lock.
struct RationedWarnings: Sendable {
    /// What a warning is about.
    ///
    /// At most one warning of each kind is written per second.
    enum Kind: Hashable, Sendable {
        case acceptingPauses, memory, connectionClosed, adminConnection, certificates, clientCertificate
        /// A client has given up too many requests before their answers began.
        case prefillResets
        /// A client speaks another protocol than the listener serves.
        case spoke(OtherProtocol)
        /// A client is refused because of its address or its PROXY header.
        case clientRefused(ClientRefusal)
        /// A client's address has reached this limit of `limits.per_address`.
        case address(AddressLimit)
    }

    private struct Last {
        var second: Int
        var leftOut = 0
    }

    private var last: [Kind: Last] = [:]

    /// Decides whether a warning may be written in this second of the wall clock; if not, counts it as left out.
    ///
    /// - Returns: nil if the warning may not be written; otherwise how many warnings of this kind were left out since
    ///   the last one was written.
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
