// Expansion of `${VAR}` and `${VAR:-default}` in the values of a configuration.
internal import Transport

/// Expands environment variables in the style of a shell.
package enum Expansion {
    /// Replaces the variables that `text` names by their values in `environment`.
    ///
    /// `$${` is written for a literal `${`. As in a shell, the default after `:-` is also used for a variable that is
    /// set and empty. Values are not expanded again, and a default ends at the first closing brace.
    ///
    /// Fails where a variable is not set and has no default, and where a reference is malformed.
    package static func expand(_ text: String, environment: [String: String]) -> Result<String, ValueProblem> {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                result += "${"
                rest = rest.dropFirst(3)
            } else if rest.hasPrefix("${") {
                guard let end = rest.firstIndex(of: "}") else {
                    return .failure(ValueProblem("'${' has no closing brace; '$${' stands for the characters"))
                }
                switch value(of: rest[rest.index(rest.startIndex, offsetBy: 2)..<end], environment: environment) {
                case .success(let value): result += value
                case .failure(let problem): return .failure(problem)
                }
                rest = rest[rest.index(after: end)...]
            } else {
                result += "$"
                rest = rest.dropFirst()
            }
        }
        return .success(result + rest)
    }

    private static func value(of reference: Substring, environment: [String: String]) -> Result<String, ValueProblem> {
        let nameEnd = reference.firstIndex(of: ":") ?? reference.endIndex
        let name = String(reference[..<nameEnd])
        let tail = reference[nameEnd...]
        guard isName(name), tail.isEmpty || tail.hasPrefix(":-") else {
            return .failure(ValueProblem("'${\(reference)}' is neither ${VAR} nor ${VAR:-default}"))
        }
        if tail.isEmpty {
            guard let value = environment[name] else {
                return .failure(
                    ValueProblem("environment variable \(name) is not set; ${\(name):-default} gives it a default")
                )
            }
            return .success(value)
        }
        if let value = environment[name], !value.isEmpty { return .success(value) }
        return .success(String(tail.dropFirst(2)))
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !first.isDigit else { return false }
        return name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || $0.isAlphanumeric }
    }
}
