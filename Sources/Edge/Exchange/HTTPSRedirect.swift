// 308 to HTTPS for requests on a cleartext listener with `redirect_https`.
internal import HTTP
internal import Inference

enum HTTPSRedirect {
    /// What load balancers and certificate authorities ask for in clear.
    private static let acmePrefix = Array("/.well-known/acme-challenge/".utf8)

    static func exempts(_ target: [UInt8]) -> Bool {
        target.prefix { $0 != UInt8(ascii: "?") }.elementsEqual("/health".utf8) || target.starts(with: acmePrefix)
    }

    /// Where the request is to be made; nil where its authority names no host.
    static func location(authority: [UInt8], target: [UInt8], port: UInt16) -> [UInt8]? {
        guard isAuthority(authority) else { return nil }
        var host = authority[...]
        // A colon after the brackets of an IPv6 address, or the only one.
        let afterBrackets = (authority.lastIndex(of: UInt8(ascii: "]")) ?? -1) + 1
        if let colon = authority[afterBrackets...].firstIndex(of: UInt8(ascii: ":")) { host = authority[..<colon] }
        let portText = port == 443 ? "" : ":\(port)"
        let path = target.first == UInt8(ascii: "/") ? target : [UInt8(ascii: "/")]
        return Array("https://".utf8) + host + Array(portText.utf8) + path
    }
}

extension Exchange {
    /// Sends the request to HTTPS, where its listener wants that.
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
