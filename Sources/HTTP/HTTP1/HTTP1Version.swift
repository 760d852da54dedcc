// Reads the version in request lines and status lines.
internal import Transport

/// `HTTP/1.0` and `HTTP/1.1`, in request lines and status lines.
enum HTTP1Version {
    static let length = 8

    static func parse(_ range: Range<Int>, of bytes: Span<UInt8>) throws(HTTP1Error) -> HTTPVersion {
        guard range.count == length else { throw HTTP1Error(.malformedVersion) }
        // Of nearly all.
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
        // A later minor version means that its sender also understands this one (RFC 9110 section 2.5).
        case (0x31, _): return .http11
        default: throw HTTP1Error(.unsupportedVersion)
        }
    }
}
