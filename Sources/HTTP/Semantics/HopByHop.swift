// The hop-by-hop fields (RFC 9110 section 7.6.1), which belong to one connection. The server forwards them neither
// from clients to executors nor from executors to clients.

/// The hop-by-hop fields of one message: those for which `isHopByHop` is true, and those that the `connection` field
/// lists.
package struct HopByHop: Sendable {
    /// The names in the `connection` field, except for `close`, `keep-alive` and `upgrade`; empty for nearly all
    /// messages.
    private var listed: [ArraySlice<UInt8>] = []

    /// Reads the `connection` field of a message.
    ///
    /// The field is read once for each message; `contains` then checks each field of the message.
    package init(of fields: FieldBlock) {
        fields.forEachElement(of: .connection) { option in
            guard listed.count < HTTP1Limits.connectionOptions, !option.spells("close"),
                !option.spells("keep-alive"), !option.spells("upgrade")
            else { return }
            listed.append(option)
        }
    }

    /// Whether the field at `index` must not be forwarded.
    ///
    /// `fields` must be the block that was given to `init`.
    package func contains(_ index: Int, in fields: FieldBlock) -> Bool {
        if isHopByHop(fields.known(index)) { return true }
        guard !listed.isEmpty else { return false }
        let name = fields.name(index)
        return listed.contains { $0.equalsIgnoringCase(name) }
    }
}

/// Whether fields with this name are always hop-by-hop.
package func isHopByHop(_ name: FieldName) -> Bool {
    switch name {
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .http2Settings,
        .proxyAuthenticate, .proxyAuthorization:
        true
    default: false
    }
}

/// Whether fields with this name determine the framing, the routing or the authorization of a message.
///
/// Trailers must not contain such a field (RFC 9110 section 6.5.1).
func isForbiddenTrailer(_ name: FieldName) -> Bool {
    switch name {
    case .contentLength, .transferEncoding, .host, .authorization, .trailer: true
    default: false
    }
}
