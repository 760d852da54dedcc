// Recognizes the sentences by which an engine says that it does not have the path of a request.

extension ErrorSentence {
    /// Nouns for a path, or for what a server has at a path.
    private static let nouns: Set<String> = [
        "page", "file", "resource", "route", "routes", "path", "endpoint", "url", "uri", "method", "handler", "api",
        "operation", "entity", "action",
    ]
    /// Other words that may occur in a sentence about an unknown path.
    private static let others: Set<String> = [
        "the", "this", "that", "a", "an", "any", "requested", "specified", "request", "some", "static", "such", "there",
        "or", "for", "on",
        "at", "in", "by", "with", "matched", "matches", "match", "matching", "those", "values", "server", "engine",
        "host",
        "service", "gateway", "unexpected", "find", "you", "were", "looking", "sorry", "components", "here", ",", "is",
        "was",
        "be", "been", "does", "do", "has", "have", "could", "can", "currently", "get", "post", "put", "delete", "patch",
        "head", "options", "found", "exist", "exists", "available", "supported", "allowed", "known", "recognized",
        "defined",
        "registered",
    ]
    /// Words that say that something does not exist.
    private static let absences: Set<String> = [
        "unknown", "invalid", "unexpected", "unsupported", "unrecognized", "unrecognised", "undefined", "missing",
        "not_found", "notfound",
    ]
    /// Folders in which engines keep files.
    ///
    /// A path in such a folder is taken for the path of a file, because no path of an API begins with one of these
    /// folders.
    private static let folders = ["/tmp", "/home", "/root", "/data", "/mnt", "/var", "/opt", "/usr", "/models"]

    /// Whether the sentence says that a path does not exist and contains only words that occur in such sentences.
    ///
    /// The sentence need not name the path. A sentence that names another object is not about a path: `File file-1 not
    /// found` is about a file of the client.
    var saysPathIsMissing: Bool {
        var isAbsent = false
        var namesPath = false
        var isOfFile = false
        var namesFound = false
        for word in words {
            let text = word.text
            if isPath(text) {
                namesPath = true
            } else if word.isQuoted {
                return false
            } else if Self.negations.contains(text) || Self.absences.contains(text) {
                isAbsent = true
            } else if Self.nouns.contains(text) {
                isOfFile = isOfFile || text == "file"
                namesPath = namesPath || text != "file"
            } else if !Self.others.contains(text) && !isOfStatus(text) {
                return false
            }
            namesFound = namesFound || ["found", "exist", "exists", "not_found", "notfound"].contains(text)
        }
        if isOfFile, words.contains(where: { isPath($0.text) }) { return false }
        return isAbsent && (namesPath || namesFound || isOfFile)
            || words.allSatisfy { isOfStatus($0.text) } && has(["404"])
    }

    /// Whether a word is a path of an API, such as `/v1/rerank`, `v1/rerank` or `POST:/v1/rerank`, and not a file or
    /// URL.
    private func isPath(_ word: String) -> Bool {
        guard word.contains("/"), !word.contains("://"), !word.hasPrefix("http/") else { return false }
        let path = word.firstIndex(of: "/").map { word[$0...] } ?? ""
        guard word.hasPrefix("/") || word.hasPrefix("v1/") || word.contains(":/") else { return false }
        let last = path.split(separator: "/").last ?? ""
        return !last.contains(".") && !Self.folders.contains { path.hasPrefix($0) }
    }
}
