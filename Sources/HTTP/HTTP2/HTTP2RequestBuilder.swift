// Collects the header fields of an HTTP/2 request into a head, and says what is wrong with them.
internal import Transport

/// The fields of a request as they come in, with the limits counted before anything is kept.
struct HTTP2RequestBuilder {
    private(set) var method = Method.other("")
    private var scheme = Scheme.other
    private(set) var authority: [UInt8] = []
    private(set) var path: [UInt8] = []
    private(set) var fields = FieldBlock()
    private enum Scheme { case http, https, other }
    /// Fields received, whether kept or not; the crumbs of a cookie are one.
    private(set) var count = 0
    private var hasCookie = false
    /// Their bytes, each crumb with the 32 of a field of its own.
    private(set) var weight = 0
    private(set) var isTooLarge = false

    /// - Returns: whether it is a further crumb of a cookie, and so no field of its own.
    mutating func add(name: Span<UInt8>, value: Span<UInt8>, settings: ServerSettings) -> Bool {
        let isCookie = name.equals("cookie")
        let isCrumb = isCookie && hasCookie
        if isCookie { hasCookie = true }
        if !isCrumb { count += 1 }
        weight += name.count + value.count + 32
        if count > settings.headerCountMax || weight > settings.headerBytesMax {
            isTooLarge = true
            fields.removeAll()
            return isCrumb
        }
        guard name.count > 1, name[0] == UInt8(ascii: ":") else {
            if fields.isEmpty { fields.reserve(bytes: 512, fields: 12) }
            fields.append(name: name, value: value)
            return isCrumb
        }
        // nghttp2 lets only the pseudo fields of RFC 9113 section 8.3.1 through: their second letters differ.
        switch name[1] {
        case UInt8(ascii: "m"): method = Method(value)
        case UInt8(ascii: "s"): scheme = value.equals("https") ? .https : value.equals("http") ? .http : .other
        case UInt8(ascii: "a"): authority.append(value)
        case UInt8(ascii: "p") where name.count == 5: path.append(value)
        default: break
        }
        return false
    }

    /// What the fields take of memory, in bytes.
    var footprint: Int { authority.capacity + path.capacity + fields.footprint }

    /// The head of the request.
    ///
    /// - Parameter ended: no body follows.
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

    /// What RFC 9113 leaves to us: a fault with its status, or nil.
    func fault(isSecure: Bool, isTrusted: Bool) -> (status: Int, message: String)? {
        if isTooLarge { return (431, "the request has too many or too large header fields") }
        if method == .connect { return (501, "CONNECT is not implemented") }
        if path.count > HTTP1Limits.request.targetBytes { return (414, "the request target is too long") }
        if !isTrusted, scheme != (isSecure ? .https : .http) { return (400, ":scheme does not fit the connection") }
        if !authority.isEmpty {
            if !isAuthority(authority) { return (400, ":authority is malformed") }
            // Two names for one request is how requests are smuggled (RFC 9113 section 8.3.1).
            let isHTTPS = scheme == .https || (scheme == .other && isSecure)
            for index in 0..<fields.count where fields.known(index) == .host {
                let host = fields.value(index)
                guard isAuthority(host), isSameAuthority(authority[...], host, isSecure: isHTTPS) else {
                    return (400, ":authority and host differ")
                }
            }
        } else {
            guard fields.occurrences(of: .host) == 1, let host = fields.first(.host), isAuthority(host) else {
                return (400, "the request names no host")
            }
        }
        if let expect = fields.string(.expect), expect.lowercased() != "100-continue" {
            return (417, "only 100-continue can be expected")
        }
        return nil
    }
}
