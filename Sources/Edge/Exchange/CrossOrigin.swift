// The CORS protocol of the Fetch standard: the origins whose pages may send requests and read the answers
// (`cors.origins`). `access-control-allow-credentials` is never sent, because a page sends the API key in a header
// field, not in a cookie.
internal import HTTP
internal import Transport

/// The origins whose pages may send requests; at least one, or `*` for all.
package struct CrossOriginPolicy: Sendable {
    private let isOpen: Bool
    private let origins: Set<String>

    /// Returns nil for an empty list of origins; the responses of the server then have no CORS fields.
    init?(origins: [String]) {
        guard !origins.isEmpty else { return nil }
        isOpen = origins.contains("*")
        self.origins = Set(origins.map(Self.canonical))
    }

    /// The origin as a browser writes it: in lower case, without the default port of the scheme.
    private static func canonical(_ origin: String) -> String {
        let origin = origin.lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where origin.hasPrefix(scheme) && origin.hasSuffix(port) {
            return String(origin.dropLast(port.count))
        }
        return origin
    }

    /// Decides whether a page may read the response to a request with these header fields.
    func grant(_ fields: FieldBlock) -> CrossOriginGrant {
        guard let origin = fields.string(named: "origin") else { return .varies }
        if isOpen { return .given("*") }
        return origins.contains(origin) ? .given(origin) : .varies
    }
}

/// Whether a page of the request's origin may read the response.
enum CrossOriginGrant: Equatable {
    /// The page may read this response; the text is the value of `access-control-allow-origin`.
    case given(String)
    /// No page may read this response: the request has no field `origin`, or an origin that is not allowed.
    ///
    /// The response has the field `vary: origin`, because caches must know that the response to a request with another
    /// origin may differ.
    case varies

    /// The header fields that a page may read (`access-control-expose-headers`).
    static let exposed =
        "x-request-id, request-id, retry-after, retry-after-ms, x-should-retry, "
        + ["limit", "remaining", "reset"].flatMap { ["x-ratelimit-\($0)-requests", "x-ratelimit-\($0)-tokens"] }
        .joined(separator: ", ")

    /// Adds the CORS fields of this grant to a response.
    func append(to fields: inout FieldBlock) {
        if case .given(let origin) = self {
            fields.append(name: "access-control-allow-origin", value: origin)
            fields.append(name: "access-control-expose-headers", value: Self.exposed)
        }
        fields.append(name: "vary", value: "origin")
    }
}

/// A CORS preflight: the request by which a browser asks whether a page may send another request.
struct Preflight {
    /// The header fields that a page may send if the preflight's own list of fields is missing, too long or malformed.
    static let usualFields =
        "accept, anthropic-beta, anthropic-version, authorization, content-type, x-api-key, x-request-id"
    /// The longest list of header fields, in bytes, that the answer to a preflight repeats from the preflight.
    static let fieldsBytesMax = 1024
    /// How long a browser may cache the answer to a preflight, in seconds: the longest time that Chromium accepts.
    static let rememberedSeconds = 7200

    private let origin: String
    private let fieldNames: String

    /// Returns nil if the request is not a preflight, or if pages of its origin may not send requests.
    init?(_ head: RequestHead, grant: CrossOriginGrant?) {
        guard head.method == .options, case .given(let origin)? = grant,
            head.fields.string(named: "access-control-request-method") != nil
        else { return nil }
        self.origin = origin
        let asked = head.fields.string(named: "access-control-request-headers") ?? ""
        fieldNames = Self.isRepeatable(asked) ? asked : Self.usualFields
    }

    /// Whether the answer may repeat a preflight's list of fields.
    ///
    /// The list must be short, and contain only field names, commas and spaces.
    private static func isRepeatable(_ list: String) -> Bool {
        (1...fieldsBytesMax).contains(list.utf8.count)
            && list.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: " "): true
                default: byte.isAlphanumeric
                }
            }
    }

    /// The header fields of the answer to the preflight, which has status 204.
    var fields: FieldBlock {
        var fields = FieldBlock()
        fields.append(name: "access-control-allow-origin", value: origin)
        fields.append(name: "access-control-allow-methods", value: "GET, HEAD, POST")
        fields.append(name: "access-control-allow-headers", value: fieldNames)
        fields.append(name: "access-control-max-age", value: String(Self.rememberedSeconds))
        fields.append(name: "vary", value: "origin, access-control-request-method, access-control-request-headers")
        return fields
    }
}

extension Exchange {
    /// Answers the request if it is a preflight whose origin may send requests.
    ///
    /// - Returns: Whether the request was answered; false if it is no preflight, or if its origin may not send
    ///   requests.
    func answersPreflight(_ head: RequestHead) -> Bool {
        guard let preflight = Preflight(head, grant: fields.crossOrigin) else { return false }
        answerWithoutBody(status: 204, preflight.fields)
        return true
    }
}
