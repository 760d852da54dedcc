// Writes metrics in Prometheus' text format, version 0.0.4.

/// A page of metrics: metric families, each with its help, its type and its samples.
///
/// The samples of a family must be written directly after the call of `family`, because the format requires that they
/// stand together.
package struct PrometheusText: Sendable {
    /// The type of a family; the raw values are the words of the format.
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    /// The unit of a histogram's values, which decides how they are written.
    package enum Unit: Sendable {
        /// A number, written as it is.
        case none
        /// Nanoseconds, written in seconds.
        case seconds
    }

    /// The value of the `content-type` field.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// The page so far.
    package private(set) var bytes: [UInt8] = []
    private var family = ""

    /// Makes an empty page.
    package init() { bytes.reserveCapacity(64 << 10) }

    /// Begins a metric family (all samples of one metric); the caller must write its samples next.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        family = name
        append("# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n")
    }

    /// Writes one sample of the metric family that was begun last.
    package mutating func sample(_ labels: [(String, String)], _ value: some BinaryInteger) {
        line(family, labels, String(value))
    }

    /// Writes a time that is given in nanoseconds as a sample in seconds.
    package mutating func sample(_ labels: [(String, String)], seconds nanoseconds: UInt64) {
        line(family, labels, Self.text(nanoseconds, .seconds))
    }

    /// Writes the buckets, the sum and the count of a histogram.
    package mutating func histogram(_ labels: [(String, String)], _ histogram: Histogram, _ unit: Unit) {
        var count: UInt64 = 0
        for (index, bound) in histogram.bounds.enumerated() {
            count &+= histogram.counts[index]
            line(family + "_bucket", labels + [("le", Self.text(bound, unit))], String(count))
        }
        count &+= histogram.counts[histogram.bounds.count]
        line(family + "_bucket", labels + [("le", "+Inf")], String(count))
        line(family + "_sum", labels, Self.text(histogram.sum, unit))
        line(family + "_count", labels, String(count))
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: String) {
        append(name)
        if !labels.isEmpty {
            append("{")
            for (index, label) in labels.enumerated() {
                append("\(index > 0 ? "," : "")\(label.0)=\"\(Self.escaped(label.1, quotes: true))\"")
            }
            append("}")
        }
        append(" \(value)\n")
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    static func text(_ value: UInt64, _ unit: Unit) -> String {
        guard case .seconds = unit else { return String(value) }
        let whole = value / 1_000_000_000
        let rest = value % 1_000_000_000
        guard rest > 0 else { return String(whole) }
        var digits = String(rest)
        digits = String(repeating: "0", count: 9 - digits.count) + digits
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(whole).\(digits)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { "\\\"\n".utf8.contains($0) }) else { return text }
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
