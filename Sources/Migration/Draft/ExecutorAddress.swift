// The URL of an executor as other programs write it, made one of our configuration: without the `/v1` at its end.
internal import Configuration

/// A URL of the input, as our configuration has it.
struct ExecutorAddress {
    /// In the syntax of our file.
    var text: String
    /// Whether the input's URL ended in `/v1`, to which our server adds the path of the request.
    var endedInV1 = false

    /// Removes `/v1` and slashes at the end of a URL, also of the default in `${NAME:-URL}`.
    init(_ text: String) {
        var rest = text[...]
        let isDefault = rest.hasPrefix("${") && rest.hasSuffix("}") && rest.contains(":-")
        if isDefault { rest = rest.dropLast() }
        while rest.hasSuffix("/") { rest = rest.dropLast() }
        if rest.hasSuffix("/v1") {
            endedInV1 = true
            rest = rest.dropLast(3)
            while rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        self.text = rest + (isDefault ? "}" : "")
    }

    /// Whether the whole URL is the value of a variable, which nobody knows yet.
    var isVariable: Bool { text.hasPrefix("${") && text.hasSuffix("}") }
    /// Whether our configuration can have it; notes why not, and what is different with it.
    ///
    /// - Parameters:
    ///   - what: the key of the input, as notes name it.
    ///   - isWithoutV1: whether the paths of this API do not begin with `/v1`.
    func isUsable(as what: String, at position: Position, isWithoutV1: Bool = false, notes: MigrationNotes) -> Bool {
        var environment = PlaceholderEnvironment()
        if case .failure(let problem) = environment.url(text) {
            notes.lost(what, "the URL \(problem.message)", at: position)
            return false
        }
        if isVariable {
            let how = "the variable must hold a URL that ends before /v1: requests bring their own"
            notes.changed(what, how, at: position)
        } else if !endedInV1, !isWithoutV1 {
            notes.changed(what, "requests go to this URL followed by /v1", at: position)
        }
        return true
    }

    /// Whether it is a URL of an API elsewhere, which has no health page that may be asked every two seconds.
    var isSecure: Bool { text.hasPrefix("https://") }
}
