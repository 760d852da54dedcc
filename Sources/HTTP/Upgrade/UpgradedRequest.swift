// The data that the HTTP/1.1 session passes to the HTTP/2 session at an upgrade.

/// The request that asked for the upgrade; it becomes stream 1 of the HTTP/2 session.
struct UpgradedRequest {
    var head: RequestHead
    var body: [UInt8]
    /// The payload of the client's SETTINGS frame, decoded from the field `HTTP2-Settings`.
    var settings: [UInt8]
    /// HTTP/1.1 output that is sent before the first HTTP/2 frame, such as the response 101 (Switching Protocols).
    var preamble: [UInt8] = []

    /// The memory that the request occupies, in bytes.
    var footprint: Int { head.footprint + body.capacity + settings.capacity }
}
