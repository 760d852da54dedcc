// Prometheus' text format, version 0.0.4: families with HELP and TYPE, each in one piece.

package struct PrometheusText: Sendable {
    package enum Kind: String, Sendable { case counter, gauge, histogram }

    /// How a histogram's whole numbers are told.
    package enum Unit: Sendable {
        case none
        /// Nanoseconds, told in seconds.
        case seconds
    }

    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package private(set) var bytes: [UInt8] = []
    private var family = ""

    package init() { bytes.reserveCapacity(64 << 10) }

    /// Begins a family; its samples follow.
    package mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        family = name
        append("# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n")
    }

    package mutating func sample(_ labels: [(String, String)], _ value: some BinaryInteger) {
        line(family, labels, String(value))
    }

    /// A time in nanoseconds, told in seconds.
    package mutating func sample(_ labels: [(String, String)], seconds nanoseconds: UInt64) {
        line(family, labels, Self.text(nanoseconds, .seconds))
    }

    package mutating func histogram(_ labels: [(String, String)], _ histogram: Histogram, _ unit: Unit) {
        var count: UInt64 = 0
        for (place, bound) in histogram.bounds.enumerated() {
            count &+= histogram.counts[place]
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
        guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return text }
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
