// What the HTTP/1.1 session hands to the HTTP/2 session after an upgrade.

/// The request that asked for the upgrade; it becomes stream 1.
struct UpgradedRequest {
    var head: RequestHead
    var body: [UInt8]
    /// The payload of the client's SETTINGS, decoded from `HTTP2-Settings`.
    var settings: [UInt8]
    /// Output that precedes HTTP/2: the 101.
    var preamble: [UInt8] = []

    /// The memory that the request occupies, in bytes.
    var footprint: Int { head.footprint + body.capacity + settings.capacity }
}
