// Redirects requests on a cleartext listener with `redirect_https` to HTTPS, with status 308.
internal import HTTP
internal import Inference

/// Decides which requests are redirected to HTTPS, and to which URL.
enum HTTPSRedirect {
    /// Whether a request for this target is never redirected: the target is the health check `/health`, or an ACME
    /// challenge.
    static func exempts(_ target: [UInt8]) -> Bool {
        target.prefix { $0 != UInt8(ascii: "?") }.elementsEqual("/health".utf8)
            || target.starts(with: ChallengeFile.pathPrefix)
    }

    /// The URL of the same resource over HTTPS; nil if the authority is not valid.
    static func location(authority: [UInt8], target: [UInt8], port: UInt16) -> [UInt8]? {
        guard isAuthority(authority) else { return nil }
        var host = authority[...]
        // The port follows the first colon, or in an IPv6 address the first colon after the closing bracket.
        let afterBrackets = (authority.lastIndex(of: UInt8(ascii: "]")) ?? -1) + 1
        if let colon = authority[afterBrackets...].firstIndex(of: UInt8(ascii: ":")) { host = authority[..<colon] }
        let portText = port == 443 ? "" : ":\(port)"
        let path = target.first == UInt8(ascii: "/") ? target : [UInt8(ascii: "/")]
        return Array("https://".utf8) + host + Array(portText.utf8) + path
    }
}

extension Exchange {
    /// Whether the request has come without TLS and asks for `/health` or for an ACME challenge.
    ///
    /// The server serves such a request whatever host it names. Of the listener's rules about client addresses, only
    /// `deny` applies to it.
    var isExemptPath: Bool {
        guard !stream.connection.isSecure, let target = request?.target, target.fault == nil else { return false }
        return HTTPSRedirect.exempts(target.bytes)
    }

    /// Redirects the request to HTTPS if its listener has `redirect_https`.
    ///
    /// - Returns: Whether the request was answered.
    func redirectsToHTTPS(_ head: RequestHead) -> Bool {
        guard let port = stream.connection.settings.redirectPort, let target = request?.target, target.fault == nil,
            !HTTPSRedirect.exempts(target.bytes)
        else { return false }
        guard let location = HTTPSRedirect.location(authority: head.authority, target: target.bytes, port: port) else {
            handle(.refused(Failure(.malformedRequest, "The request names no host to send it to over HTTPS.")))
            return true
        }
        var extra = FieldBlock()
        extra.append(.location, location)
        fields.crossOrigin?.append(to: &extra)
        answerWithoutBody(status: 308, extra)
        return true
    }
}
