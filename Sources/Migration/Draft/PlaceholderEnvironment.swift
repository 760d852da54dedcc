// Values for the environment variables of a draft, with which it can be checked before they are set.
internal import Configuration

/// Gives every variable that a draft refers to a value that fits its place.
///
/// Variables that stand for a whole URL, a host or a port get different hosts, so that no two executors of a model seem
/// to be the same one.
struct PlaceholderEnvironment {
    private(set) var values: [String: String] = [:]

    /// Notes the variables of a text in which no place needs a special value, such as a key.
    mutating func note(text: String) {
        for (name, _, _) in Self.references(in: text) where values[name] == nil { values[name] = "placeholder" }
    }

    /// Notes the variables of a URL.
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

    /// Returns a URL with its variables replaced, parsed; the failure says what is wrong with it.
    mutating func url(_ text: String) -> Result<ExecutorURL, ValueProblem> {
        note(url: text)
        return Expansion.expand(text, environment: values) { _ in .failure(FileProblem("it is not read here")) }
            .flatMap { ExecutorURL.parse($0) }
    }

    /// Whether every `${` of a text begins `${NAME}` or `${NAME:-DEFAULT}`.
    ///
    /// Our configuration has more, such as `${file:PATH}`, which the files of other programs must not bring with them.
    static func hasVariablesOnly(_ text: String) -> Bool {
        let found = references(in: text)
        guard found.count == text.ranges(of: "${").count else { return false }
        return found.allSatisfy { reference in
            let inside = text[reference.before.endIndex..<reference.after.startIndex].dropFirst(2).dropLast()
            let tail = inside.dropFirst(reference.name.count)
            return SecretReferences.isVariableName(reference.name) && (tail.isEmpty || tail.hasPrefix(":-"))
        }
    }

    /// The names of the variables that a text refers to, with the text before and after each reference.
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
