// Pages of which origins may call and read the answers (`cors.origins`): the Fetch standard's CORS protocol. No
// credentials: keys are sent by the page itself.
internal import HTTP
internal import Transport

/// Never empty: without origins there is no policy.
package struct CrossOriginPolicy: Sendable {
    private let isOpen: Bool
    private let origins: Set<String>

    /// Nil for an empty list, whose answers say nothing to browsers.
    init?(origins: [String]) {
        guard !origins.isEmpty else { return nil }
        isOpen = origins.contains("*")
        self.origins = Set(origins.map(Self.canonical))
    }

    /// As a browser writes it: in lower case, and without the scheme's own port.
    private static func canonical(_ origin: String) -> String {
        let origin = origin.lowercased()
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")]
        where origin.hasPrefix(scheme) && origin.hasSuffix(port) {
            return String(origin.dropLast(port.count))
        }
        return origin
    }

    /// What the answer to a request with these fields says.
    func grant(_ fields: FieldBlock) -> CrossOriginGrant {
        guard let origin = fields.string(named: "origin") else { return .varies }
        if isOpen { return .given("*") }
        return origins.contains(origin) ? .given(origin) : .varies
    }
}

enum CrossOriginGrant: Equatable {
    /// The value of `access-control-allow-origin`.
    case given(String)
    /// Nothing for this request; caches still learn that another origin may get more.
    case varies

    /// What pages may read besides the body.
    static let exposed =
        "x-request-id, request-id, retry-after, retry-after-ms, x-should-retry, "
        + ["limit", "remaining", "reset"].flatMap { ["x-ratelimit-\($0)-requests", "x-ratelimit-\($0)-tokens"] }
        .joined(separator: ", ")

    func append(to fields: inout FieldBlock) {
        if case .given(let origin) = self {
            fields.append(name: "access-control-allow-origin", value: origin)
            fields.append(name: "access-control-expose-headers", value: Self.exposed)
        }
        fields.append(name: "vary", value: "origin")
    }
}

/// A browser's question before a request, whether this page may send it.
struct Preflight {
    /// What a page may send when its own list is not to be repeated.
    static let usualFields =
        "accept, anthropic-beta, anthropic-version, authorization, content-type, x-api-key, x-request-id"
    /// The longest list of a page that is repeated, in bytes.
    static let fieldsBytesMax = 1024
    /// How long a browser may remember, in seconds: as long as Chromium does.
    static let rememberedSeconds = 7200

    private let origin: String
    private let fieldNames: String

    /// Nil where the request is no preflight, or its origin may not call.
    init?(_ head: RequestHead, grant: CrossOriginGrant?) {
        guard head.method == .options, case .given(let origin)? = grant,
            head.fields.string(named: "access-control-request-method") != nil
        else { return nil }
        self.origin = origin
        let asked = head.fields.string(named: "access-control-request-headers") ?? ""
        fieldNames = Self.isRepeatable(asked) ? asked : Self.usualFields
    }

    private static func isRepeatable(_ list: String) -> Bool {
        (1...fieldsBytesMax).contains(list.utf8.count)
            && list.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ","), UInt8(ascii: " "): true
                default: byte.isAlphanumeric
                }
            }
    }

    /// The fields of its 204.
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
    /// Answers a preflight of an origin that may call; others are requests like any other.
    func answersPreflight(_ head: RequestHead) -> Bool {
        guard let preflight = Preflight(head, grant: fields.crossOrigin) else { return false }
        answerWithoutBody(status: 204, preflight.fields)
        return true
    }
}
