// Parses the request target of an HTTP/1.1 request (RFC 9112 section 3.2).

/// The parts of a request target.
struct HTTP1Target: Sendable {
    /// The path and query, or `*`.
    var path: [UInt8]
    /// The authority of a target in absolute form; nil for the other forms.
    var authority: [UInt8]?
    /// Whether the target is in absolute form with the scheme `https`.
    var isSecure = false

    /// Parses a target in origin form, absolute form or, for OPTIONS, asterisk form.
    ///
    /// Throws for any other target.
    ///
    /// - Parameter bytes: at least one byte, and only printable ASCII without `#`.
    init(_ bytes: ArraySlice<UInt8>, method: Method) throws(HTTP1Error) {
        if bytes.first == HTTP1Byte.slash {
            path = Array(bytes)
            return
        }
        if bytes.count == 1, bytes.first == HTTP1Byte.asterisk {
            guard method == .options else { throw HTTP1Error(.malformedTarget) }
            path = Array(bytes)
            return
        }
        guard let scheme = ["http://", "https://"].first(where: { bytes.prefix($0.utf8.count).spells($0) }) else {
            throw HTTP1Error(.malformedTarget)
        }
        let rest = bytes.dropFirst(scheme.utf8.count)
        let end = rest.firstIndex { $0 == HTTP1Byte.slash || $0 == HTTP1Byte.question } ?? rest.endIndex
        guard isAuthority(rest[..<end]) else { throw HTTP1Error(.malformedTarget) }
        authority = Array(rest[..<end])
        isSecure = scheme.utf8.count == "https://".utf8.count
        let tail = rest[end...]
        switch tail.first {
        case HTTP1Byte.slash: path = Array(tail)
        case nil where method == .options: path = [HTTP1Byte.asterisk]
        default: path = [HTTP1Byte.slash] + tail
        }
    }
}
