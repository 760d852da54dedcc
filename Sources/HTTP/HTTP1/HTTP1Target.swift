// The forms of a request target (RFC 9112 section 3.2), which the HTTP/1.1 request parser reads.

/// A request target in the form in which the server keeps it.
struct HTTP1Target: Sendable {
    /// Path and query (origin form), or `*`.
    var path: [UInt8]
    /// The authority of an absolute form; nil for the other forms.
    var authority: [UInt8]?
    /// Whether the target is an absolute form with the scheme `https`.
    var isSecure = false

    /// Parses a target; throws if it has none of the forms.
    ///
    /// - Parameter bytes: not empty, and printable ASCII without `#`.
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
