// The options of `bench trace`, the request for each entry of a trace, and the command that repeats a run.
internal import Inference

/// The options of one run of `bench trace`.
package struct TraceOptions: Sendable {
    /// The name of the file with the trace, for the report.
    package var file = ""
    /// How many seconds of the trace pass in one second.
    package var speed = 1.0
    /// The share of the requests that is sent, above 0 and at most 1.
    package var scale = 1.0
    /// The maximum number of requests that are sent; nil for all requests that `scale` selects.
    package var limit: Int?
    /// The seed of the pseudo-random numbers that select requests by `scale` and make the words of the prompts.
    package var seed: UInt64 = 1
    /// The model that requests ask for.
    package var model = "demo"
    /// The maximum number of tokens of an answer; nil for as many as the trace has.
    package var maxTokens: Int?
    /// The API key that requests carry; nil for none.
    package var apiKey: String?
    /// The URLs of the executors whose prefix-cache counters the bench reads before and after the run.
    package var executors: [String] = []
    /// How many connections the bench opens before it sends the first request.
    ///
    /// The bench opens another connection whenever no connection has room for the next stream.
    package var connections = 4
    /// How long the bench waits for answers after the last request, in seconds.
    package var drain = 600.0
    /// The processor to which the bench is pinned; nil for none.
    package var pin: Int?

    /// Makes options with the default values of the command line.
    package init() {}

    /// The message about the first option whose value is out of range; nil if all values are valid.
    package var problem: String? {
        if !(0.001...1000).contains(speed) { return "--speed is between 0.001 and 1000" }
        if !(scale > 0 && scale <= 1) { return "--scale is above 0 and at most 1" }
        if let limit, limit < 1 { return "--limit is at least 1" }
        if let maxTokens, maxTokens < 1 { return "--max-tokens is at least 1" }
        if !(1...1000).contains(connections) { return "--connections is between 1 and 1000" }
        if !(0...86_400).contains(drain) { return "--drain is between 0 and 86400 seconds" }
        return nil
    }

    /// Makes the request for one entry of a trace, with the text of its prompt.
    ///
    /// - Parameters:
    ///   - index: the index of the request in the trace.
    ///   - prompts: makes the text of the prompt.
    func request(_ index: Int, of trace: TraceFile, prompts: TracePrompt) -> ClientRequest {
        let text = prompts.text(of: index, in: trace)
        var json = JSONWriter(reserving: text.count + 256)
        json.beginObject()
        json.field("model", model)
        json.field("stream", true)
        json.field("max_tokens", tokens(of: trace.requests[index]))
        json.key("messages")
        json.beginArray()
        json.beginObject()
        json.field("role", "user")
        json.key("content")
        // The text has only letters and spaces, so nothing in it needs an escape.
        json.raw([UInt8(ascii: "\"")] + text + [UInt8(ascii: "\"")])
        json.endObject()
        json.endArray()
        json.endObject()
        return .chat(json.bytes, apiKey: apiKey)
    }

    /// How many tokens the request asks for: as many as in the trace, but at least 1 and at most `maxTokens`.
    private func tokens(of request: TraceFile.Request) -> Int {
        max(1, min(request.outputTokens, maxTokens ?? .max))
    }

    /// The command that repeats the run, with every option, even options with their default values.
    ///
    /// The API key is replaced by `KEY`.
    func command(format: TraceFormat, target: BenchTarget) -> String {
        var words = ["freeinference", "bench", "trace", "--url", target.url, "--file", file]
        words += ["--format", format.rawValue, "--speed", "\(speed)", "--scale", "\(scale)", "--seed", "\(seed)"]
        if let limit { words += ["--limit", "\(limit)"] }
        if let maxTokens { words += ["--max-tokens", "\(maxTokens)"] }
        words += ["--model", model, "--connections", "\(connections)", "--drain", "\(drain)"]
        if !executors.isEmpty { words += ["--executors", executors.joined(separator: ",")] }
        if apiKey != nil { words += ["--api-key", "KEY"] }
        words += Self.words(of: target)
        if let pin { words += ["--pin", "\(pin)"] }
        return words.map(Self.quoted).joined(separator: " ")
    }

    /// The options that say how the bench connects to a target.
    private static func words(of target: BenchTarget) -> [String] {
        var words: [String] = []
        if target.version == .http1 { words.append("--http1") }
        if let file = target.caFile { words += ["--ca", file] }
        if !target.verifies { words.append("--insecure") }
        return words + target.overrides.flatMap { ["--resolve", $0] }
    }

    /// The word as it must be written in a shell: in quotation marks if it has characters with a special meaning.
    private static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "+")...UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "@"), UInt8(ascii: "="):
                true
            default: false
            }
        }
        return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: #"'\''"#) + "'"
    }
}
