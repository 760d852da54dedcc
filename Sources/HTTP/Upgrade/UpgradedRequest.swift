// What HTTP/1.1 hands to HTTP/2 when a client upgraded: its request becomes stream 1.

struct UpgradedRequest {
    var head: RequestHead
    var body: [UInt8]
    /// The payload of `HTTP2-Settings`, decoded.
    var settings: [UInt8]
    /// What goes out before HTTP/2 begins: the 101.
    var preamble: [UInt8] = []

    /// What it takes of memory, in bytes.
    var footprint: Int { head.footprint + body.capacity + settings.capacity }
}
