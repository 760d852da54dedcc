// The report of a reload, as JSON and as lines of text.
internal import Inference

/// The report of one reload, which everyone who asked for the reload gets.
package struct ReloadReport: Sendable, Equatable {
    /// How a reload can end.
    package enum Outcome: String, Sendable, CaseIterable {
        /// The new configuration is in force.
        case applied
        /// The new configuration is the same as the one in force.
        case unchanged
        /// The reload was refused for the reasons in `errors`; the earlier configuration stays in force.
        case refused
        /// The new configuration is in force, but a worker has not begun to use it within `Reloader.adoptTimeout`.
        case incomplete
    }

    /// How the reload ended.
    package var outcome: Outcome
    /// The generation that is in force after the reload.
    package var generation: Int
    /// The differences from the earlier configuration, one line each.
    package var changes: [String] = []
    /// Settings whose new values are not applied, one line each, with the reason.
    package var kept: [String] = []
    /// Notes about values from the environment of the process, which a reload cannot change; one line each.
    package var notes: [String] = []
    /// Warnings about the configuration, one line each.
    package var warnings: [String] = []
    /// Why the reload was refused, or which workers are late, one line each; empty for `applied` and `unchanged`.
    package var errors: [String] = []

    /// Each list of the report with its name in JSON.
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

    /// The entries of all lists, one line each.
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

    /// Reads a report from the JSON that `json` writes; nil if the JSON is not a report.
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
