// The limits in `limits.per_address`, the uses of the server that count against them, and the refusals.
internal import Configuration
internal import Transport

/// One of the limits in `limits.per_address`; the raw value is the key in the configuration and the label in metrics.
enum AddressLimit: String, CaseIterable, Sendable {
    case connections
    case newConnections = "new_connections"
    case handshakes
    case requests
    case streams
    case bodyBytes = "body_bytes"
    case unknownKeys = "unknown_keys"

    /// The index of this limit in `allCases` and in the array of a worker's counters.
    var index: Int { Self.allCases.firstIndex(of: self)! }

    /// The noun that messages use for the things which the limit counts, such as `new connections`.
    var what: String {
        switch self {
        case .connections: "connections"
        case .newConnections: "new connections"
        case .handshakes: "TLS handshakes under way"
        case .requests: "requests"
        case .streams: "requests at once"
        case .bodyBytes: "bytes of request bodies"
        case .unknownKeys: "requests without a valid key"
        }
    }
}

/// A client's use of the server that `limits.per_address` may refuse: a connection, a request, or bytes of a body.
enum AddressClaim: Sendable, Equatable {
    /// The client opens a connection.
    case connection(isSecure: Bool)
    /// The client begins a request.
    case request
    /// The client sends this many bytes of a request body, which were not counted before.
    case body(Int)
    /// The client sends a request with an unknown key, or without the key that is required.
    case unknownKey
}

/// A refusal because of a limit per address.
struct AddressRefusal: Error, Equatable {
    /// The limit that was reached.
    let limit: AddressLimit
    /// The time in nanoseconds after which the same connection or request would be granted; 0 if the time cannot be
    /// predicted.
    let wait: Nanoseconds
    /// The address or network whose limit was reached.
    let group: AddressGroup
    /// Whether this is the first time in a minute that this limit refuses the address or network.
    ///
    /// Only the first refusal is logged as a warning.
    let isNews: Bool
}

/// How many connections, TLS handshakes, requests and body bytes are counted for an address.
///
/// A value is also used for a change of these counts: it is added to them or subtracted from them.
struct AddressHoldings: Sendable, Equatable {
    var connections = 0
    var handshakes = 0
    var streams = 0
    var bodyBytes = 0

    /// Whether all numbers are 0.
    var isEmpty: Bool { connections == 0 && handshakes == 0 && streams == 0 && bodyBytes == 0 }

    /// The counts that are added to an address when one of its clients opens a connection, sends a request or sends
    /// body bytes.
    init(_ claim: AddressClaim) {
        switch claim {
        case .connection(let isSecure): (connections, handshakes) = (1, isSecure ? 1 : 0)
        case .request: streams = 1
        case .body(let bytes): bodyBytes = bytes
        case .unknownKey: break
        }
    }

    init(handshakes: Int = 0, bodyBytes: Int = 0) {
        self.handshakes = handshakes
        self.bodyBytes = bodyBytes
    }

    static func += (one: inout Self, other: Self) {
        one.connections += other.connections
        one.handshakes += other.handshakes
        one.streams += other.streams
        one.bodyBytes += other.bodyBytes
    }

    static func -= (one: inout Self, other: Self) {
        one.connections -= other.connections
        one.handshakes -= other.handshakes
        one.streams -= other.streams
        one.bodyBytes -= other.bodyBytes
    }
}
