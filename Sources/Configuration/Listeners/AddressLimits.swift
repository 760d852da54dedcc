// The section `limits.per_address`: how much of the server the clients of one address may use.

/// How much of the server the clients of one address may use together; nil means no limit.
///
/// An address is an IPv4 address or an IPv6 /64. The clients of an IPv6 /48 may use eight times as much together.
package struct AddressLimits: Sendable, Equatable {
    /// The largest number of connections from one address at once.
    package var connections: Int?
    /// The largest number of new connections from one address a second; ten times as many may come in one burst.
    package var newConnections: Int? = 200
    /// The largest number of TLS handshakes with one address that are under way at once.
    package var handshakes: Int? = 1000
    /// The largest number of requests from one address a second; ten times as many may come in one burst.
    package var requests: Int?
    /// The largest number of requests from one address that are served at once.
    package var streams: Int?
    /// The largest number of bytes that the request bodies from one address may take in the server's memory at once.
    package var bodyBytes: Int?
    /// The largest number of requests from one address a minute that have an unknown key, or lack the required key.
    package var unknownKeys: Int?
    package init() {}

    /// Whether `connections`, `newConnections` or `handshakes` is limited.
    package var countsConnections: Bool { connections != nil || newConnections != nil || handshakes != nil }
    /// Whether `requests`, `streams` or `bodyBytes` is limited.
    ///
    /// `unknownKeys` does not matter here, because it counts only requests with an unknown or missing key.
    package var countsRequests: Bool { requests != nil || streams != nil || bodyBytes != nil }

    /// Reads the section `limits.per_address`.
    mutating func read(from section: ConfigurationSection) {
        let range = 1...1_000_000
        section.read(limit: "connections", &connections, in: range)
        section.read(limit: "new_connections", &newConnections, in: range)
        section.read(limit: "handshakes", &handshakes, in: range)
        section.read(limit: "requests", &requests, in: range)
        section.read(limit: "streams", &streams, in: range)
        if section.isOff("body_bytes") {
            bodyBytes = nil
        } else {
            var bytes = 0
            section.read(bytes: "body_bytes", &bytes, in: 64 << 10...1 << 40)
            if bytes > 0 { bodyBytes = bytes }
        }
        section.read(limit: "unknown_keys", &unknownKeys, in: range)
        section.finish()
    }
}

extension ConfigurationSection {
    /// Reads a whole number into `target`, or nil if the value is `off`; an absent key leaves `target` unchanged.
    func read(limit key: String, _ target: inout Int?, in range: ClosedRange<Int>) {
        if isOff(key) {
            target = nil
        } else if let value = count(key, in: range, or: "off or ") {
            target = value
        }
    }

    fileprivate func isOff(_ key: String) -> Bool {
        has(key) && scalar(key, expecting: "off or a value")?.text == "off"
    }
}
