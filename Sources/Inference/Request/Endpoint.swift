// The table of endpoints: what a method and a path ask for.

package import HTTP
internal import Transport

package enum Endpoint: Equatable, Sendable {
    /// A request that names a model in its body.
    case model(Dialect)
    /// The same at a path that only some models have: which ones is known once the body has been read.
    case passthrough
    /// The list of models.
    case models
    /// One model, by its id or alias.
    case modelLookup(String)
    case health
    case root
    case notFound
    case malformed(RequestTarget.Fault)
    case methodNotAllowed(allow: [String])

    /// Not generic: other modules would call it unspecialized, with every request.
    ///
    /// - Parameter passthrough: What models add to the paths of the dialects.
    package init(method: Method, target: RequestTarget, passthrough: PassthroughPaths = PassthroughPaths([])) {
        if let fault = target.fault {
            self = .malformed(fault)
            return
        }
        let path = target.path
        if let dialect = Dialect(path: path) {
            self = method == .post ? .model(dialect) : .methodNotAllowed(allow: ["POST"])
        } else if let resource = Self.readable(path) {
            self = method == .get || method == .head ? resource : .methodNotAllowed(allow: ["GET", "HEAD"])
        } else {
            self = method == .post && passthrough.has(path) ? .passthrough : .notFound
        }
    }

    /// It tells of models, in the shape that the client reads.
    package var isOfModels: Bool {
        switch self {
        case .models, .modelLookup: true
        default: false
        }
    }

    /// Whether the edge answers at this path itself, whatever models add.
    package static func isOwn(_ path: String) -> Bool { readable(Array(path.utf8)[...]) != nil }

    /// What GET and HEAD find at a path.
    private static func readable(_ path: ArraySlice<UInt8>) -> Endpoint? {
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
            let id = String(decoding: percentDecoded(path.dropFirst(prefix.utf8.count)), as: UTF8.self)
            return id.isEmpty ? .notFound : .modelLookup(id)
        }
        return nil
    }
}
