// Converts an executor's URL from the form of other programs to the form of this server's configuration, which has no
// `/v1` at its end.
internal import Configuration

/// The URL of an executor, converted to the form of this server's configuration.
struct ExecutorAddress {
    /// The URL in the syntax of a configuration, in which `${NAME}` refers to a variable.
    var text: String
    /// Whether the URL ended in `/v1` in the imported file.
    var endedInV1 = false

    /// Removes `/v1` and slashes at the end of a URL, or of the default URL in `${NAME:-URL}`.
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
    /// Whether the URL is valid in a configuration.
    ///
    /// If the URL is not valid, a note gives the reason. If requests go to another path than in the other program, a
    /// note reports the new path.
    ///
    /// - Parameters:
    ///   - what: The key that has the URL in the imported file, as notes name the key.
    ///   - isWithoutV1: Whether the other program also writes URLs of this API without `/v1`, so that no note is
    ///     needed.
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
    /// If the provider may be a remote API or a local engine, the import assumes a remote API for a URL with TLS. The
    /// server sends no health checks to a remote API.
    var isSecure: Bool { text.hasPrefix("https://") }
}
