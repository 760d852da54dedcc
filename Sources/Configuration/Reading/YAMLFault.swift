// Explains libyaml's error messages to the person who edits the configuration.

/// A syntax error of a YAML file, as libyaml reports it.
struct YAMLFault {
    /// The error itself, such as `did not find expected key`.
    var problem: String
    /// The construct that libyaml was parsing, such as `while parsing a flow sequence`; empty if libyaml names none.
    var context = ""
    /// The position at which the construct in `context` starts; nil if libyaml names no construct.
    var contextStart: Position?
    /// The text of the line with the error, without its line end.
    var line = ""
    /// The column of the error in the line, starting at 1.
    var column = 1

    /// Advice on how to correct the line; nil if there is no advice to add to libyaml's message.
    var hint: String? {
        if let value = bracketed { return "a value with '[' in it needs quotes" + quoted(value) }
        if problem.contains("mapping values are not allowed") {
            return "a value with ': ' in it needs quotes; or the line above lacks its ':' and a space"
        }
        if context.contains("an alias") || context.contains("an anchor") { return needsQuotes(startingAt: -1) }
        if problem.contains("cannot start any token") {
            return character(at: column) == "\t" ? Self.noTabs : needsQuotes(startingAt: 0)
        }
        if problem.contains("tab character") { return Self.noTabs }
        if context.contains("quoted scalar"),
            problem.contains("end of stream") || problem.contains("document indicator")
        {
            return "the quote that begins\(whereContextStarts) has no end"
        }
        if problem.contains("escape character") {
            return "in double quotes a backslash begins an escape: write '\\\\', or use single quotes"
        }
        if context.contains("flow"), problem.contains("expected ','") {
            return "the bracket that opens\(whereContextStarts) is not closed, or a ',' is missing"
        }
        if context.contains("block") {
            return "the indentation fits no line above; what it should belong to begins\(whereContextStarts)"
        }
        if problem.contains("expected ':'") { return "a key needs ': ' behind it, a longer text quotes around it" }
        if problem.contains("<document start>") { return "a file has one document only" }
        return nil
    }

    private static let noTabs = "indent with spaces, not with tabs"

    private var whereContextStarts: String { contextStart.map { " on line \($0.line), column \($0.column)," } ?? "" }

    /// Returns a hint for a value whose first character has a meaning in YAML; nil if there is no such value.
    ///
    /// The hint is to put the value in quotes, or to replace `*` in an address such as `*:8080`.
    ///
    /// - Parameter offset: The distance from the error's column to the start of the value, in characters.
    private func needsQuotes(startingAt offset: Int) -> String? {
        let scalars = Array(line.unicodeScalars)
        var start = min(max(0, column - 1 + offset), scalars.count)
        if start < scalars.count, !"*&@`%!".unicodeScalars.contains(scalars[start]), start > 0 { start -= 1 }
        let value = scalars[start...].prefix { !" \t,}]#".unicodeScalars.contains($0) }
        guard let first = value.first, "*&@`%!".unicodeScalars.contains(first) else { return nil }
        if first == "*", value.dropFirst().first == ":" {
            let port = Self.text(value.dropFirst())
            return "'*' is no address: for all of IPv4 write 0.0.0.0\(port), for all of IPv6 \"[::]\(port)\""
        }
        return "a value that begins with '\(first)' needs quotes" + quoted(Self.text(value))
    }

    /// Returns `: "VALUE"`, the value as it should be written; an empty text if the value may be a secret.
    private func quoted(_ value: String) -> String {
        let words = ["key", "secret", "password", "token"]
        let mayBeSecret = words.contains { line.lowercased().contains($0) } || value.dropFirst().contains("@")
        return mayBeSecret ? "" : ": \"\(value)\""
    }

    private func character(at column: Int) -> Unicode.Scalar? {
        line.unicodeScalars.dropFirst(column - 1).first
    }

    /// The first value on the line that contains an IPv6 address in brackets and has no quotes; nil if there is none.
    private var bracketed: String? {
        let scalars = Array(line.unicodeScalars)
        for open in scalars.indices where scalars[open] == "[" {
            let address = scalars[(open + 1)...].prefix { $0 == ":" || $0 == "." || Self.isHexadecimal($0) }
            let close = open + 1 + address.count
            guard close < scalars.count, scalars[close] == "]", address.contains(":") else { continue }
            let before = scalars[..<open].reversed().prefix { !" \t,{[\"'".unicodeScalars.contains($0) }
            let start = open - before.count
            // A value that is already in quotes causes no syntax error, so the search goes on.
            if start > 0, "\"'".unicodeScalars.contains(scalars[start - 1]) { continue }
            let after = scalars[(close + 1)...].prefix { !" \t,}]".unicodeScalars.contains($0) }
            return Self.text(scalars[start...close] + after)
        }
        return nil
    }

    private static func isHexadecimal(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isASCIIHexDigit }

    private static func text(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return ConfigurationSection.printable(String(view))
    }
}
