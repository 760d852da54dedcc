// The endpoint table: maps the method and the path of a request to an endpoint.

package import HTTP

/// The destination of a request, which the method and the path alone determine.
///
/// The module Configuration uses this type to refuse a model whose `passthrough` names a path of the edge itself.
package enum Endpoint: Equatable, Sendable {
    /// A request in the given dialect, whose body names a model.
    case model(Dialect)
    /// A request at a path that the configuration allows only for some models; its body names one of them.
    case passthrough
    /// The list of models.
    case models
    /// One model, by its id or alias.
    case modelLookup(String)
    /// The liveness or readiness check of the edge.
    case health
    /// The greeting at `/`.
    case root
    /// There is nothing at the path.
    case notFound
    /// The target has a form that HTTP implementations interpret differently.
    case malformed(RequestTarget.Fault)
    /// The path exists, but does not take this method; `allow` is the value of the `allow` field.
    case methodNotAllowed(allow: [String])

    /// Finds the endpoint of a request.
    ///
    /// The paths of dialects take POST. The paths of the edge itself take GET and HEAD.
    ///
    /// - Parameter passthrough: The paths that models have in addition to the paths of the dialects.
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

    /// Whether the response is the list of models or one model.
    ///
    /// OpenAI's and Anthropic's clients expect different JSON shapes of these responses.
    package var isOfModels: Bool {
        switch self {
        case .models, .modelLookup: true
        default: false
        }
    }

    /// Whether the edge itself answers at this path; if so, the `passthrough` of a model must not name the path.
    package static func isOwn(_ path: String) -> Bool { readable(Array(path.utf8)[...]) != nil }

    /// The endpoint that GET and HEAD reach at a path; nil if the edge itself serves nothing at the path.
    private static func readable(_ path: ArraySlice<UInt8>) -> Endpoint? {
        // This check is cheaper than making a string of the path. Apart from the paths that begin with `/v1/models` or
        // `/models`, the longest path that the edge itself serves is `/health/ready`, with 13 bytes.
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
