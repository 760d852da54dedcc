// What strangers can cause is said once a second of each kind, so that nobody can fill the journal.
internal import HTTP

/// Which kinds of warnings have been said when, and how many were left out.
struct RationedWarnings: Sendable {
    enum Kind: Int, CaseIterable, Sendable {
        case acceptingPauses, memory, connectionClosed, adminConnection, certificates
        /// Clients that speak something else than their port, by what they speak.
        case tlsInClear, proxyHeader, httpOnTLS, unknownProtocol
    }

    private var seconds = [Int](repeating: 0, count: Kind.allCases.count)
    private var leftOut = [Int](repeating: 0, count: Kind.allCases.count)

    /// Whether one may be said in this second of the wall clock.
    ///
    /// - Returns: nil if not; else how many of its kind were left out since the last one.
    mutating func take(_ kind: Kind, at second: Int) -> Int? {
        let index = kind.rawValue
        guard seconds[index] != second else {
            leftOut[index] += 1
            return nil
        }
        seconds[index] = second
        defer { leftOut[index] = 0 }
        return leftOut[index]
    }
}

extension OtherProtocol {
    var warning: RationedWarnings.Kind {
        switch self {
        case .tls: .tlsInClear
        case .proxy: .proxyHeader
        case .http: .httpOnTLS
        case .unknown: .unknownProtocol
        }
    }
}
