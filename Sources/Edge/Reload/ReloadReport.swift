// The report of a reload, as a value that renders itself as JSON and as lines of text.
internal import Inference

/// The outcome of one reload.
package struct ReloadReport: Sendable, Equatable {
    /// How a reload can end.
    package enum Outcome: String, Sendable, CaseIterable {
        /// The configuration is in force.
        case applied
        /// The file has the same content as the configuration in force.
        case unchanged
        /// The file has errors, or something that it names cannot be had: nothing has changed.
        case refused
        /// The configuration is in force, but a worker has not begun to use it in time.
        case incomplete
    }

    /// How the reload has ended.
    package var outcome: Outcome
    /// The generation that is in force after it.
    package var generation: Int
    /// The differences from the previous configuration, one line each.
    package var changes: [String] = []
    /// Settings that keep their values until a restart, with the reason.
    package var kept: [String] = []
    /// What the operator should know beside that: values that a reload cannot change.
    package var notes: [String] = []
    /// Warnings about the configuration.
    package var warnings: [String] = []
    /// The reasons for a refusal, each with its position, or the workers that are late; otherwise empty.
    package var errors: [String] = []

    /// The lists of the report by their names in JSON.
    private static var lists: [(name: String, list: WritableKeyPath<ReloadReport, [String]>)] {
        [
            ("changes", \.changes), ("kept", \.kept), ("notes", \.notes), ("warnings", \.warnings),
            ("errors", \.errors),
        ]
    }

    /// The report as one JSON object.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("result", outcome.rawValue)
        writer.field("generation", generation)
        for (name, list) in Self.lists {
            writer.key(named: name)
            writer.beginArray()
            for line in self[keyPath: list] { writer.value(line) }
            writer.endArray()
        }
        writer.endObject()
        return writer.bytes
    }

    /// The lists of the report, one line each.
    package var lines: [String] {
        errors + changes + kept.map { "kept: \($0)" } + notes.map { "note: \($0)" } + warnings
    }

    /// The report in one line for the operator's log, without the lists.
    package var summary: String {
        switch outcome {
        case .applied:
            let count = changes.count
            return "reload: generation \(generation) is in force, with \(count) change\(count == 1 ? "" : "s")"
        case .unchanged: return "reload: nothing has changed, generation \(generation) stays in force"
        case .incomplete: return "reload: generation \(generation) is in force, but not on all workers"
        case .refused: return "reload refused: generation \(generation) stays in force"
        }
    }

    /// Reads a report from the JSON that `json` writes; nil where it is none.
    package init?(json: [UInt8]) {
        guard let value = JSONValue(parsing: json),
            case .string(let result)? = value["result"], let outcome = Outcome(rawValue: result),
            case .integer(let generation)? = value["generation"]
        else { return nil }
        self.init(outcome: outcome, generation: generation)
        for (name, list) in Self.lists {
            guard case .array(let items)? = value[name] else { continue }
            self[keyPath: list] = items.compactMap(\.string)
        }
    }

    package init(outcome: Outcome, generation: Int) {
        self.outcome = outcome
        self.generation = generation
    }
}
