// The table of endpoints: what a method and a path ask for.

package import HTTP
internal import Transport

package enum Endpoint: Equatable, Sendable {
    /// A request that names a model in its body.
    case model(Dialect)
    /// The list of models.
    case models
    /// One model, by its id or alias.
    case modelLookup(String)
    case health
    case root
    case notFound
    case methodNotAllowed(allow: [String])

    /// `target` is the request target as it came: a path and perhaps a query.
    ///
    /// Not generic: other modules would call it unspecialized, with every request.
    package init(method: Method, target: [UInt8]) {
        if method == .post, target.span.equals("/v1/chat/completions") {
            // Of nearly all requests.
            self = .model(.openAIChat)
            return
        }
        let path = target.firstIndex(of: UInt8(ascii: "?")).map { Array(target[..<$0]) } ?? target
        let isRead = method == .get || method == .head
        guard let resource = Self.readable(path) else {
            guard let dialect = Dialect(path: path) else {
                self = .notFound
                return
            }
            switch (dialect, method) {
            case (_, .post): self = .model(dialect)
            case (.other, _): self = .notFound
            default: self = .methodNotAllowed(allow: ["POST"])
            }
            return
        }
        self = isRead ? resource : .methodNotAllowed(allow: ["GET", "HEAD"])
    }

    /// It tells of models, in the shape that the client reads.
    package var isOfModels: Bool {
        switch self {
        case .models, .modelLookup: true
        default: false
        }
    }

    /// What GET and HEAD find at a path.
    private static func readable(_ path: [UInt8]) -> Endpoint? {
        // The longest that is not a prefix.
        guard path.count <= 13 || path.starts(with: "/v1/models".utf8) || path.starts(with: "/models".utf8) else {
            return nil
        }
        switch String(decoding: path, as: UTF8.self) {
        case "/": return .root
        case "/health", "/health/ready": return .health
        case "/v1/models", "/models": return .models
        default: break
        }
        for prefix in ["/v1/models/", "/models/"] where path.starts(with: prefix.utf8) {
            let id = percentDecoded(path.dropFirst(prefix.utf8.count))
            return id.isEmpty ? .notFound : .modelLookup(id)
        }
        return nil
    }

    /// The text with `%2F` and its like decoded; a `%` without two digits stays as it is.
    private static func percentDecoded(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(UInt8(ascii: "%")) else { return String(decoding: bytes, as: UTF8.self) }
        var decoded: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.endIndex,
                let high = hexValue(bytes[index + 1]), let low = hexValue(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: decoded, as: UTF8.self)
    }

    private static func hexValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
