// Expansion of `${VAR}`, `${VAR:-default}` and `${file:PATH}` in the values of a configuration.
internal import Transport

/// Expands references to environment variables, as a shell does, and references to files.
package enum Expansion {
    private static let filePrefix = "file:"

    /// Replaces references to variables by their values in `environment`, and `${file:PATH}` by the contents of the
    /// file.
    ///
    /// `$${` stands for a literal `${`. As in a shell, the default after `:-` is also used for a variable that is set
    /// and empty. Values are not expanded again, and a default ends at the first closing brace. Line ends at the end of
    /// a file are left out.
    ///
    /// - Returns: A problem if a variable is not set and has no default, if a file cannot be read, is empty or has more
    ///   than one line, or if a reference is malformed.
    package static func expand(
        _ text: String,
        environment: [String: String],
        readFile: (String) -> Result<[UInt8], FileProblem> = SystemFiles.read
    ) -> Result<String, ValueProblem> {
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
                let reference = rest[rest.index(rest.startIndex, offsetBy: 2)..<end]
                let found =
                    reference.hasPrefix(filePrefix)
                    ? contents(of: String(reference.dropFirst(filePrefix.count)), readFile: readFile)
                    : value(of: reference, environment: environment)
                switch found {
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

    /// The environment variables that `text` refers to, in the order of the references.
    static func variables(in text: String) -> [String] {
        text.split(separator: "${", omittingEmptySubsequences: false).dropFirst().compactMap { part in
            let name = String(part.prefix { $0 != ":" && $0 != "}" })
            return isName(name) && !part.hasPrefix(filePrefix) ? name : nil
        }
    }

    /// The only line of a file; a problem if the file does not have exactly one line.
    private static func contents(
        of path: String,
        readFile: (String) -> Result<[UInt8], FileProblem>
    ) -> Result<String, ValueProblem> {
        guard !path.isEmpty else { return .failure(ValueProblem("'${file:}' names no file")) }
        let bytes: [UInt8]
        switch readFile(path) {
        case .failure(let problem): return .failure(ValueProblem("${file:\(path)}: cannot be read: \(problem)"))
        case .success(let read): bytes = read
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(ValueProblem("${file:\(path)}: is not valid UTF-8"))
        }
        var line = text[...]
        while let last = line.last, last.isNewline { line.removeLast() }
        guard !line.isEmpty else { return .failure(ValueProblem("${file:\(path)}: is empty")) }
        guard !line.contains(where: \.isNewline) else {
            return .failure(ValueProblem("${file:\(path)}: holds more than one line"))
        }
        return .success(String(line))
    }

    private static func value(of reference: Substring, environment: [String: String]) -> Result<String, ValueProblem> {
        let nameEnd = reference.firstIndex(of: ":") ?? reference.endIndex
        let name = String(reference[..<nameEnd])
        let tail = reference[nameEnd...]
        guard isName(name), tail.isEmpty || tail.hasPrefix(":-") else {
            return .failure(ValueProblem("'${\(reference)}' is neither ${VAR}, ${VAR:-default} nor ${file:PATH}"))
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
