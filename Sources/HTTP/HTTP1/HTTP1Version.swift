// Parses the HTTP version in request lines and status lines.
internal import Transport

/// Parses `HTTP/1.0` and `HTTP/1.1`.
enum HTTP1Version {
    /// The length of every valid version string, in bytes.
    static let length = 8

    /// Parses the version in `range`.
    ///
    /// Throws if the version is malformed or if the major version is not 1.
    static func parse(_ range: Range<Int>, of bytes: Span<UInt8>) throws(HTTP1Error) -> HTTPVersion {
        guard range.count == length else { throw HTTP1Error(.malformedVersion) }
        // HTTP/1.1 is compared first because nearly all messages have this version.
        if bytes.extracting(range).equals("HTTP/1.1") { return .http11 }
        let start = range.lowerBound
        for (offset, expected) in "HTTP/0.0".utf8.enumerated() {
            let byte = bytes[start + offset]
            guard expected == HTTP1Byte.zero ? byte.isDigit : byte == expected else {
                throw HTTP1Error(.malformedVersion)
            }
        }
        switch (bytes[start + 5], bytes[start + 7]) {
        case (0x31, 0x30): return .http10
        // The sender of a later minor version also understands HTTP/1.1 (RFC 9110 section 2.5).
        case (0x31, _): return .http11
        default: throw HTTP1Error(.unsupportedVersion)
        }
    }
}
