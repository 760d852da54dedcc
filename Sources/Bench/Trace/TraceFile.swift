// A trace: when each model request came, how long its prompt and its answer were, and which blocks of 512 tokens its
// prompt shares with other prompts.
internal import Transport

/// The requests of a trace (a recording of requests to a model server), in the order of their times.
package struct TraceFile: Equatable, Sendable {
    /// One request of a trace.
    struct Request: Equatable {
        /// The time since the earliest request of the trace.
        var time: Nanoseconds
        /// The length of the prompt in tokens, at least 1.
        var inputTokens: Int
        /// The length of the answer in tokens, at least 0.
        var outputTokens: Int
        /// The range of `blockNumbers` that has a number for each block of 512 tokens of this prompt.
        ///
        /// The range is empty if the format of the trace has no block numbers.
        var blocks: Range<Int>
    }

    /// The number of tokens in a block of a prompt.
    ///
    /// In Mooncake's format, the member `hash_ids` of a request has a number for each block of its prompt. Prompts that
    /// share a block have the same number for it.
    static let blockTokens = 512
    /// The maximum time between the first and the last request.
    static let spanMax: Nanoseconds = 31 * 86_400 * 1_000_000_000

    let format: TraceFormat
    /// The requests, sorted by time; requests of the same time are in the order of their lines.
    let requests: [Request]
    /// The numbers that the trace gives to the blocks of 512 tokens of all prompts, one prompt after the other.
    ///
    /// Equal numbers show which blocks several prompts share.
    ///
    /// One array for all requests needs much less memory than an array for each request.
    let blockNumbers: [Int]

    /// Reads a trace.
    ///
    /// - Parameters:
    ///   - bytes: the contents of the file.
    ///   - name: the name of the file, for error messages.
    ///   - format: the format; nil to recognize it by the first line.
    /// - Throws: an error with the number of the first line that is wrong.
    package init(_ bytes: [UInt8], name: String, format: TraceFormat? = nil) throws(BenchError) {
        var reader = TraceReader(name: name, format: format)
        try reader.read(bytes)
        guard let first = reader.requests.map(\.time).min(), let last = reader.requests.map(\.time).max(),
            let format = reader.format
        else { throw BenchError("\(name): the trace has no requests") }
        guard last - first <= Self.spanMax else {
            throw BenchError("\(name): the first and the last request are more than 31 days apart")
        }
        self.format = format
        blockNumbers = reader.blockNumbers
        // The standard library's sort is stable: requests of the same time stay in the order of their lines.
        requests = reader.requests.sorted { $0.time < $1.time }.map {
            var request = $0
            request.time -= first
            return request
        }
    }
}
