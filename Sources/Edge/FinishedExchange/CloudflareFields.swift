// The header fields in which Cloudflare describes a request, for the log.
internal import HTTP
internal import Transport

/// The fields `cf-ray` and `cf-ipcountry` of a request that came from a trusted peer.
package struct CloudflareFields: Sendable, Equatable {
    /// The maximum length of a value, in bytes; a longer value is left out.
    private static let valueMax = 64

    /// The id that Cloudflare gave to the request, and that Cloudflare's own log shows.
    var ray: String?
    /// The country of the client, as two letters.
    var country: String?

    /// Reads the fields; nil if they cannot be trusted or are both missing.
    ///
    /// The fields are trusted if the peer is a trusted proxy, and if proxies of this listener name their clients in
    /// header fields.
    ///
    /// Other proxies name their clients in PROXY headers, and pass on all header fields unchanged. A client of theirs
    /// could forge these two fields.
    ///
    /// - Parameter namesClientsInFields: whether trusted peers of the listener name their clients in header fields.
    init?(_ fields: FieldBlock, from client: Client, namesClientsInFields: Bool) {
        guard namesClientsInFields, client.isPeerTrusted else { return nil }
        ray = Self.value(fields, .cfRay)
        country = Self.value(fields, .cfIPCountry)
        if ray == nil, country == nil { return nil }
    }

    private static func value(_ fields: FieldBlock, _ name: FieldName) -> String? {
        guard let value = fields.first(name), !value.isEmpty, value.count <= valueMax,
            value.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") })
        else { return nil }
        return String(decoding: value, as: UTF8.self)
    }
}
