// The report of a command that changes something, as JSON and as lines of text.
internal import Inference

/// The answer to a command that changes the server: what it has changed, or why it has changed nothing.
package struct CommandReport: Sendable, Equatable {
    /// Whether the command was carried out.
    package var isDone: Bool
    /// The changes that the command has made, or the reason why it was refused; each line is one sentence.
    package var lines: [String]

    init(isDone: Bool, lines: [String]) {
        self.isDone = isDone
        self.lines = lines
    }

    /// The report as one JSON object.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("result", isDone ? "done" : "refused")
        writer.key("lines")
        writer.beginArray()
        for line in lines { writer.value(line) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// Reads a report from JSON of the form that `json` has; nil if the bytes have another form.
    package init?(json: [UInt8]) {
        guard let value = JSONValue(parsing: json), let result = value["result"]?.string,
            let lines = value["lines"]?.array, result == "done" || result == "refused"
        else { return nil }
        self.init(isDone: result == "done", lines: lines.compactMap(\.string))
    }
}
