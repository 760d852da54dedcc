// Converts an executor's URL from another gateway's configuration to the form that this server's configuration needs:
// the URL without `/v1` at its end.
internal import Configuration

/// An executor's URL from an imported file, converted to the form of this server's configuration.
struct ExecutorAddress {
    /// The converted URL; `${NAME}` in it refers to an environment variable.
    var text: String
    /// Whether the URL, or the default in `${NAME:-URL}`, ended in `/v1` in the imported file.
    var endedInV1 = false

    /// Removes a `/v1` and slashes from the end of a URL, or from the end of the default in `${NAME:-URL}`.
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

    /// Whether the whole URL is a reference to a variable, whose value the import does not know.
    var isVariable: Bool { text.hasPrefix("${") && text.hasSuffix("}") }
    /// Whether the converted URL is valid in this server's configuration.
    ///
    /// The function adds a note for the operator if the URL is not valid, or if requests will go to another path than
    /// before.
    ///
    /// - Parameters:
    ///   - what: The key that has the URL in the imported file, as notes name the key.
    ///   - isWithoutV1: Whether the program whose configuration is imported writes the URLs of this executor's provider
    ///     without `/v1`. If so, a URL without `/v1` needs no note.
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

    /// Whether the URL uses TLS.
    ///
    /// The import uses this where it cannot tell a remote API from a local engine: with TLS, it assumes a remote API,
    /// to which the server sends no health checks.
    var isSecure: Bool { text.hasPrefix("https://") }
}
