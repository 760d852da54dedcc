// Placeholder values for the environment variables that a draft of a configuration uses, so that the draft can be
// checked before the variables are set.
internal import Configuration

/// Placeholder values for the environment variables in a draft of a configuration.
///
/// Each value is valid at the place where the draft uses its variable.
///
/// Variables for a whole URL or a host get different hosts, so that two executors of a model do not seem to be the same
/// executor.
struct PlaceholderEnvironment {
    private(set) var values: [String: String] = [:]

    /// Sets a placeholder value for each variable in a text that is not a URL, such as an API key or a model's name.
    mutating func note(text: String) {
        for (name, _, _) in Self.references(in: text) where values[name] == nil { values[name] = "placeholder" }
    }

    /// Sets a placeholder value for each variable in a URL.
    ///
    /// The value depends on whether the variable stands for the whole URL, the scheme, the host or the port.
    mutating func note(url: String) {
        for (name, before, after) in Self.references(in: url) where values[name] == nil {
            if before.isEmpty {
                let isWhole = after.isEmpty || after.hasPrefix("/")
                values[name] = isWhole ? "http://host-\(values.count).invalid" : "http"
            } else if before.hasSuffix(":") {
                values[name] = "80"
            } else {
                values[name] = "host-\(values.count)"
            }
        }
    }

    /// Replaces the variables of a URL by placeholder values and parses the URL; returns a problem if it is not valid.
    mutating func url(_ text: String) -> Result<ExecutorURL, ValueProblem> {
        note(url: text)
        return Expansion.expand(text, environment: values) { _ in .failure(FileProblem("it is not read here")) }
            .flatMap { ExecutorURL.parse($0) }
    }

    /// Whether every `${` of a text begins `${NAME}` or `${NAME:-DEFAULT}`.
    ///
    /// This server's configuration also has references such as `${file:PATH}`. Files of other programs must not contain
    /// these references.
    static func hasVariablesOnly(_ text: String) -> Bool {
        let found = references(in: text)
        guard found.count == text.ranges(of: "${").count else { return false }
        return found.allSatisfy { reference in
            let inside = text[reference.before.endIndex..<reference.after.startIndex].dropFirst(2).dropLast()
            let tail = inside.dropFirst(reference.name.count)
            return SecretReferences.isVariableName(reference.name) && (tail.isEmpty || tail.hasPrefix(":-"))
        }
    }

    /// The names of the variables to which a text refers, with the text before and after each reference.
    static func references(in text: String) -> [(name: String, before: Substring, after: Substring)] {
        var found: [(name: String, before: Substring, after: Substring)] = []
        var rest = text[...]
        while let start = rest.firstRange(of: "${") {
            let isEscaped = rest[..<start.lowerBound].hasSuffix("$")
            guard let end = rest[start.upperBound...].firstIndex(of: "}") else { break }
            if !isEscaped {
                let name = rest[start.upperBound..<end].prefix { $0 != ":" }
                found.append((String(name), text[..<start.lowerBound], text[text.index(after: end)...]))
            }
            rest = rest[(isEscaped ? start.upperBound : rest.index(after: end))...]
        }
        return found
    }
}
