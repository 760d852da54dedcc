// Recognizes clients that speak another protocol than their listener expects. Such a client sends TLS to a port without
// TLS, HTTP without TLS to a port with TLS, or a PROXY header.
internal import Transport

/// The protocol that a client used instead of the one that its listener expects.
///
/// The raw values are label values of a metric. The metric helps an operator who has configured a port or a proxy
/// wrongly.
package enum OtherProtocol: String, CaseIterable, Sendable {
    case tls = "tls_in_clear"
    case proxy = "proxy_header"
    case http = "http_on_tls"
    case unknown

    /// Classifies the first bytes of a connection without TLS that are not a valid request.
    ///
    /// Returns nil if the bytes look like a malformed HTTP request, to which the session responds with an error. Any
    /// other peer, such as a port scanner, gets no HTTP response.
    init?(_ bytes: Span<UInt8>) {
        if bytes.count > 0, bytes[0] == ClearText.handshakeRecord {
            self = .tls
        } else if unsafe bytes.withUnsafeBytes({ unsafe ClearText.isProxyHeader($0) }) {
            self = .proxy
        } else if Self.looksLikeHTTP(bytes) {
            return nil
        } else {
            self = .unknown
        }
    }

    /// A description of what the client sent, for log messages.
    package var description: String {
        switch self {
        case .tls: "TLS to a listener without tls"
        case .proxy: "a PROXY protocol header, which is not read"
        case .http: "HTTP in clear to a listener with tls"
        case .unknown: "something that is not HTTP"
        }
    }

    private static func looksLikeHTTP(_ bytes: Span<UInt8>) -> Bool {
        var line: [UInt8] = []
        for index in bytes.indices where line.count < 4096 {
            let isEnd = bytes[index] == UInt8(ascii: "\r") || bytes[index] == UInt8(ascii: "\n")
            // Empty lines before the request line are ignored (RFC 9112 section 2.2).
            if isEnd, line.isEmpty { continue }
            if isEnd { break }
            line.append(bytes[index])
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.contains("HTTP/") { return true }
        if case .other = Method(line.prefix { $0 != UInt8(ascii: " ") }) { return false }
        return true
    }

    /// The response to a client that sent HTTP without TLS to a port with TLS.
    ///
    /// A browser shows the text of the response.
    static let plainAnswer: [UInt8] = {
        let text = "This port speaks HTTPS, and the request came in clear: use https://.\n"
        let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: \(text.utf8.count)\r\n"
        return Array((head + "connection: close\r\n\r\n" + text).utf8)
    }()
}
