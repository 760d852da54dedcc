// Reads `passthrough` of a model: the request paths that are passed to the model's executors in addition to the paths
// that every model has.
internal import Inference

extension ConfigurationSection {
    /// Reads the value of a key that is a list of request paths.
    ///
    /// Each path must be normalized, because request paths are normalized before they are compared with it.
    func passthroughPaths(_ key: String) -> [String] {
        var paths: [String] = []
        for (text, position) in texts(key, expecting: "paths such as /v1/audio/voices") ?? [] {
            if let problem = Self.problem(withPath: text) {
                reader.report("\(name(of: key))[]: '\(Self.printable(text))' \(problem)", at: position)
            } else {
                paths.append(text)
            }
        }
        return paths
    }

    /// Returns the problem with a path; nil if requests with the path may be passed to executors.
    private static func problem(withPath path: String) -> String? {
        let target = RequestTarget(Array(path.utf8))
        guard path.hasPrefix("/"), path.utf8.count > 1 else { return "must begin with '/', and name something" }
        if path.utf8.contains(where: { $0 == 0x3F || $0 == 0x23 }) { return "must not have a query or a fragment" }
        if target.fault != nil { return "must not have segments that are '.' or '..'" }
        guard target.bytes.elementsEqual(path.utf8) else {
            return "is compared as '\(String(decoding: target.bytes, as: UTF8.self))': write it so"
        }
        if Endpoint.isOwn(path) { return "is answered by this server itself" }
        if Dialect.paths.contains(where: { String(describing: $0.path) == path }) { return "passes for every model" }
        return nil
    }
}
