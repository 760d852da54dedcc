// What libyaml's words for a fault mean to somebody who edits a configuration.

/// A fault of a YAML file, as libyaml tells it.
struct YAMLFault {
    /// What libyaml found, such as `did not find expected key`.
    var problem: String
    /// What it was doing, such as `while parsing a flow sequence`; empty where it does not say.
    var context = ""
    /// Where it began with that.
    var began: Position?
    /// The line of the fault, without its end.
    var line = ""
    /// Where in the line, from 1.
    var column = 1

    /// What is probably to be done; nil where libyaml's words have to do.
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
            return "the quote that begins\(place) has no end"
        }
        if problem.contains("escape character") {
            return "in double quotes a backslash begins an escape: write '\\\\', or use single quotes"
        }
        if context.contains("flow"), problem.contains("expected ','") {
            return "the bracket that opens\(place) is not closed, or a ',' is missing"
        }
        if context.contains("block") {
            return "the indentation fits no line above; what it should belong to begins\(place)"
        }
        if problem.contains("expected ':'") { return "a key needs ': ' behind it, a longer text quotes around it" }
        if problem.contains("<document start>") { return "a file has one document only" }
        return nil
    }

    private static let noTabs = "indent with spaces, not with tabs"

    private var place: String { began.map { " on line \($0.line), column \($0.column)," } ?? "" }

    /// The value that begins so many characters from the fault, if libyaml took its first character for its own.
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

    /// The value as it should be written; nothing where it may be a secret.
    private func quoted(_ value: String) -> String {
        let words = ["key", "secret", "password", "token"]
        let mayBeSecret = words.contains { line.lowercased().contains($0) } || value.dropFirst().contains("@")
        return mayBeSecret ? "" : ": \"\(value)\""
    }

    private func character(at column: Int) -> Unicode.Scalar? {
        line.unicodeScalars.dropFirst(column - 1).first
    }

    /// A value on the line that has an IPv6 address in brackets and no quotes around it.
    private var bracketed: String? {
        let scalars = Array(line.unicodeScalars)
        for open in scalars.indices where scalars[open] == "[" {
            let address = scalars[(open + 1)...].prefix { $0 == ":" || $0 == "." || Self.isHexadecimal($0) }
            let close = open + 1 + address.count
            guard close < scalars.count, scalars[close] == "]", address.contains(":") else { continue }
            let before = scalars[..<open].reversed().prefix { !" \t,{[\"'".unicodeScalars.contains($0) }
            let start = open - before.count
            // A list that is none: [a: b] has its colon behind a key; and what is in quotes is no fault.
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
