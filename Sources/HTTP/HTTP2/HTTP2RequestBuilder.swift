// Collects the header fields of an HTTP/2 request into a head, and checks them.
internal import Transport

/// The request head of one stream while its fields arrive.
///
/// Limits are checked before a field is kept.
struct HTTP2RequestBuilder {
    private(set) var method = Method.other("")
    private var scheme = Scheme.other
    private(set) var authority: [UInt8] = []
    private(set) var path: [UInt8] = []
    private(set) var fields = FieldBlock()
    private enum Scheme { case http, https, other }
    /// The number of fields so far, including dropped fields; all parts of a split cookie are one field.
    private(set) var count = 0
    private var hasCookie = false
    /// The size of the fields so far in bytes, including dropped fields, by the rule of RFC 9113 section 6.5.2.
    ///
    /// The rule adds 32 bytes to the name and the value of each field. Here each part of a split cookie is a field of
    /// its own.
    private(set) var weight = 0
    /// Whether the head exceeds a limit; if so, the fields kept so far and all further fields are dropped.
    private(set) var isTooLarge = false

    /// Adds a field.
    ///
    /// - Parameters:
    ///   - countMax: The largest number of fields of a head.
    ///   - bytesMax: The largest size of a head in bytes, by the rule of RFC 9113 section 6.5.2.
    /// - Returns: true if the field is a further part of a split cookie (RFC 9113 section 8.2.3), which does not
    ///   count as a field.
    mutating func add(name: Span<UInt8>, value: Span<UInt8>, countMax: Int, bytesMax: Int) -> Bool {
        let isCookie = name.equals("cookie")
        let isCrumb = isCookie && hasCookie
        if isCookie { hasCookie = true }
        if !isCrumb { count += 1 }
        weight += name.count + value.count + 32
        if count > countMax || weight > bytesMax {
            isTooLarge = true
            fields.removeAll()
            return isCrumb
        }
        guard name.count > 1, name[0] == UInt8(ascii: ":") else {
            if fields.isEmpty { fields.reserve(bytes: 512, fields: 12) }
            fields.append(name: name, value: value)
            return isCrumb
        }
        setPseudoField(name, value)
        return false
    }

    /// Sets a pseudo-header field.
    ///
    /// nghttp2 accepts only the pseudo-header fields of RFC 9113 section 8.3.1, whose names differ in the second byte.
    @inline(__always)
    private mutating func setPseudoField(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        switch name[1] {
        case UInt8(ascii: "m"): method = Method(value)
        case UInt8(ascii: "s"): scheme = value.equals("https") ? .https : value.equals("http") ? .http : .other
        case UInt8(ascii: "a"): authority.append(value)
        case UInt8(ascii: "p") where name.count == 5: path.append(value)
        default: break
        }
    }

    /// The memory that the fields occupy, in bytes.
    var footprint: Int { authority.capacity + path.capacity + fields.footprint }

    /// Makes the head of the request.
    ///
    /// - Parameter ended: whether the request has no body.
    func head(ended: Bool) -> RequestHead {
        let length = fields.first(.contentLength).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
        let body: BodyLength = ended ? .none : length.map { .known($0) } ?? .unknown
        var host = authority
        if host.isEmpty, let field = fields.first(.host) { host = Array(field) }
        let expects = fields.first(.expect) != nil
        return RequestHead(
            method: method,
            target: path,
            authority: host,
            version: .http2,
            fields: fields,
            body: body,
            expectsContinue: expects
        )
    }

    /// Checks the head for faults that nghttp2 does not detect.
    ///
    /// - Returns: the status and the message of the response; nil if the head is valid.
    func fault(isSecure: Bool, isTrusted: Bool) -> (status: Int, message: String)? {
        if isTooLarge { return (431, "the request has too many or too large header fields") }
        if method == .connect { return (501, "CONNECT is not implemented") }
        if path.count > HTTP1Limits.request.targetBytes { return (414, "the request target is too long") }
        if !isTrusted, scheme != (isSecure ? .https : .http) { return (400, ":scheme does not fit the connection") }
        if let reason = authorityFault(isSecure: isSecure) { return (400, reason) }
        if let expect = fields.string(.expect), expect.lowercased() != "100-continue" {
            return (417, "only 100-continue can be expected")
        }
        return nil
    }

    /// What is wrong with the host that the request names, as text for the client; nil if the host is valid.
    @inline(__always)
    private func authorityFault(isSecure: Bool) -> String? {
        guard !authority.isEmpty else {
            guard fields.occurrences(of: .host) == 1, let host = fields.first(.host), isAuthority(host) else {
                return "the request names no host"
            }
            return nil
        }
        if !isAuthority(authority) { return ":authority is malformed" }
        // A request that names two different hosts can be used for request smuggling (RFC 9113 section 8.3.1).
        let isHTTPS = scheme == .https || (scheme == .other && isSecure)
        for index in 0..<fields.count where fields.known(index) == .host {
            let host = fields.value(index)
            guard isAuthority(host), isSameAuthority(authority[...], host, isSecure: isHTTPS) else {
                return ":authority and host differ"
            }
        }
        return nil
    }
}
