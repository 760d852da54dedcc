// Which fields are about one connection and are never forwarded (RFC 9110 section 7.6.1), between client and executor
// in both directions.

/// The hop-by-hop fields of one message: those with certain names, and those that its connection field lists.
package struct HopByHop: Sendable {
    /// The names in the connection field that are not always hop-by-hop; nearly always empty.
    private var listed: [ArraySlice<UInt8>] = []

    /// Reads the connection field of a message.
    ///
    /// This is done once, and `contains` is then asked for each of its fields.
    package init(of fields: FieldBlock) {
        fields.forEachElement(of: .connection) { option in
            guard listed.count < HTTP1Limits.connectionOptions, !option.spells("close"),
                !option.spells("keep-alive"), !option.spells("upgrade")
            else { return }
            listed.append(option)
        }
    }

    /// Whether the field at `index` of the same block must not be forwarded.
    package func contains(_ index: Int, in fields: FieldBlock) -> Bool {
        if isHopByHop(fields.known(index)) { return true }
        guard !listed.isEmpty else { return false }
        let name = fields.name(index)
        return listed.contains { $0.equalsIgnoringCase(name) }
    }
}

/// Whether a field of this name is always hop-by-hop.
package func isHopByHop(_ name: FieldName) -> Bool {
    switch name {
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .http2Settings,
        .proxyAuthenticate, .proxyAuthorization:
        true
    default: false
    }
}

/// Whether a field frames, routes or authorizes a message, and so must not be in the trailers (RFC 9110 section 6.5.1).
func isForbiddenTrailer(_ name: FieldName) -> Bool {
    switch name {
    case .contentLength, .transferEncoding, .host, .authorization, .trailer: true
    default: false
    }
}
