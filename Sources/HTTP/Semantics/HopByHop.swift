// Which fields end at this connection and are never forwarded (RFC 9110 section 7.6.1). Whoever passes fields on between
// client and executor asks this.

package struct HopByHop: Sendable {
    /// What the connection field lists beyond the names that are hop-by-hop anyway; nearly always empty.
    private var listed: [ArraySlice<UInt8>] = []

    /// Reads the connection field of a message, once for all of its fields.
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

/// Whether a field is about one connection by its very name.
package func isHopByHop(_ name: FieldName) -> Bool {
    switch name {
    case .connection, .keepAlive, .proxyConnection, .te, .trailer, .transferEncoding, .upgrade, .http2Settings,
        .proxyAuthenticate, .proxyAuthorization:
        true
    default: false
    }
}

/// Whether a field frames, routes or authorizes a message and so must not come after its body.
func isForbiddenTrailer(_ name: FieldName) -> Bool {
    switch name {
    case .contentLength, .transferEncoding, .host, .authorization, .trailer: true
    default: false
    }
}
