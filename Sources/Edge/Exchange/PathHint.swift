// The message of a 404: the path that the client probably meant, or why this server does not serve the path.
internal import Configuration
internal import HTTP
internal import Inference

/// Finds the served path that a client probably meant, or the reason why its path is not served.
enum PathHint {
    /// The message for a request to a path that is not served: the path that the client probably meant, or the
    /// reason why it is not served.
    ///
    /// - Returns: nil if neither is found.
    static func message(_ method: Method, _ path: ArraySlice<UInt8>) -> String? {
        guard path.count <= pathBytesMax else { return nil }
        let text = String(decoding: path, as: UTF8.self).lowercased()
        let segments = text.split(separator: "/").map(String.init)
        if let reason = reason(segments) { return reason }
        let isRead = method == .get || method == .head
        guard let meant = meant(segments, isRead: isRead), !path.elementsEqual(meant.utf8) else { return nil }
        return "There is nothing at this path. Did you mean \(reads.contains(meant) ? "GET" : "POST") \(meant)?"
    }

    /// The longest path that gets a hint, in bytes; a longer path is not a served path with a typing error.
    private static let pathBytesMax = 256

    private static let reads = ["/v1/models", "/health", "/health/ready"]
    private static let known = (Dialect.paths.map { String(describing: $0.path) } + reads).map(KnownPath.init)
    private static let knownNames = known.map(\.path)

    /// A served path and its segments.
    ///
    /// The segments are computed once and not for each request, because any client can send very many requests with
    /// wrong paths.
    private struct KnownPath {
        let path: String
        let segments: [String]
        /// The segments of the path without a leading version such as `v1`.
        let ending: [String]

        init(_ path: String) {
            self.path = path
            segments = path.split(separator: "/").map(String.init)
            ending = segments.first?.first == "v" && segments.count > 1 ? Array(segments.dropFirst()) : segments
        }

        /// How well this path matches the end of the requested path, whose segments are `asked`; higher is better.
        ///
        /// The caller has checked that `asked` ends with `ending`. The first number is the number of segments in
        /// `ending`. The second number is above 0 if the version before them, such as `v1`, matches as well.
        func rank(_ asked: [String]) -> (Int, Int) { (ending.count, asked.hasEnd(segments) ? segments.count : 0) }
    }

    // MARK: What was meant

    /// Paths of engines' own APIs, each with the path of this server that has the same purpose.
    private static let others = [
        "api/chat": "/v1/chat/completions", "api/generate": "/v1/completions", "api/embed": "/v1/embeddings",
        "api/tags": "/v1/models", "generate": "/v1/completions", "completion": "/v1/completions",
        "infill": "/v1/completions", "embedding": "/v1/embeddings", "health/live": "/health",
    ]

    private static func meant(_ segments: [String], isRead: Bool) -> String? {
        if let other = others[segments.joined(separator: "/")] { return other }
        // The client may use another base URL, add a slash, or leave out the version. Its path then still ends with the
        // segments of a served path, apart from the version. If it ends with the segments of several served paths, the
        // client probably meant the longest of them.
        let found = known.filter { segments.hasEnd($0.ending) }
        if let longest = found.max(by: { $0.rank(segments) < $1.rank(segments) }) { return longest.path }
        if isRead, segments.contains("models") { return "/v1/models" }
        // At most two letters may differ. With three, a short path would be close to any other path.
        let path = "/" + segments.joined(separator: "/")
        return NearestKey.nearest(to: path, among: knownNames, distanceMax: 2)
    }

    // MARK: Why the path is not served

    /// Why this server does not serve a path that other servers have; nil if this function does not know the path.
    private static func reason(_ segments: [String]) -> String? {
        let parts = segments.first == "v1" ? Array(segments.dropFirst()) : segments
        guard let first = parts.first else { return nil }
        switch first {
        case "responses" where parts.count > 1 && !["compact", "input_tokens"].contains(parts[1]):
            return "Responses are not kept here: none can be fetched, continued, cancelled or deleted by its id."
        case "chat" where parts.count > 2 && parts[1] == "completions" && parts[2] != "chat":
            return "Completions are not kept here: none can be fetched, changed or deleted by its id."
        case "files", "uploads", "batches", "conversations", "threads", "assistants", "vector_stores", "containers",
            "fine_tuning", "evals", "skills", "videos":
            return "Nothing is kept here: there are no \(first.replacing("_", with: " "))."
        case "messages" where parts.count > 1 && parts[1] == "batches":
            return "Nothing is kept here: there are no batches."
        case "audio" where parts.count > 1 && ["transcriptions", "translations"].contains(parts[1]),
            "images" where parts.count > 1 && ["edits", "variations"].contains(parts[1]):
            return "This path takes multipart bodies, which are not served."
        case "realtime": return "There is no realtime API here."
        default: return nil
        }
    }
}

extension [String] {
    fileprivate func hasEnd(_ end: [String]) -> Bool { count >= end.count && suffix(end.count).elementsEqual(end) }
}
