// Where a listener takes the address of a client from: the socket, a PROXY header or a header field.

/// Where the address of a client comes from; the raw values are those of the setting `listeners[].client_address`.
package enum ClientAddressSource: String, CaseIterable, Sendable {
    /// The peer of the socket is the client.
    case peer
    /// The PROXY header that a trusted peer sends at the beginning of each connection.
    case proxyProtocol = "proxy_protocol"
    /// The field `cf-connecting-ip` of a request from a trusted peer; Cloudflare sets this field.
    case cfConnectingIP = "cf-connecting-ip"
    /// The field `x-forwarded-for` of a request from a trusted peer.
    case xForwardedFor = "x-forwarded-for"
    /// The field `forwarded` of a request from a trusted peer (RFC 7239).
    case forwarded

    /// The index of the source in arrays that have one element for each case.
    package var index: Int {
        switch self {
        case .peer: 0
        case .proxyProtocol: 1
        case .cfConnectingIP: 2
        case .xForwardedFor: 3
        case .forwarded: 4
        }
    }

    /// Whether the address comes with each request, in a header field.
    package var isField: Bool {
        switch self {
        case .peer, .proxyProtocol: false
        case .cfConnectingIP, .xForwardedFor, .forwarded: true
        }
    }
}
