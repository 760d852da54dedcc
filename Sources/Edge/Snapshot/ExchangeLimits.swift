// The deadlines and limits that are the same for every exchange, in nanoseconds and bytes.
internal import Configuration
package import Transport

/// Deadlines and limits of an exchange that do not depend on its model.
///
/// Durations are in nanoseconds, sizes in bytes. The comment of each property begins with its key in the configuration.
package struct ExchangeLimits: Sendable {
    /// `timeouts.body`: the longest time between two bytes of a request body.
    package var body: Nanoseconds
    /// `timeouts.client_stall`: how long a client may read nothing while bytes of a response wait for it.
    package var clientStall: Nanoseconds
    /// `commit_after`: how long an executor may be silent before a streaming client gets the response head without an
    /// event.
    package var commitAfter: Nanoseconds
    /// `keep_alive`: how long a client that has the response head may get nothing before the edge sends it keep-alive
    /// bytes, such as an SSE comment.
    package var keepAlive: Nanoseconds
    /// `json_keep_alive`: whether `commitAfter` and `keepAlive` also apply to JSON answers that are not streams.
    package var keepsJSONAlive: Bool
    /// `limits.body`: the largest request body, before and after decoding.
    package var bodyBytesMax: Int
    /// `limits.exchange_buffer`: how much of a response may wait for the client before the edge stops reading from the
    /// executor.
    package var bufferMax: Int
    /// `max_loops`: how many times a request may already have passed through this process.
    package var loopsMax: Int
    /// `limits.body_pace`: the lowest average pace of a request body, in bytes a second; 0 for no limit.
    package var bodyPace: Int
    /// `limits.read_pace`: the lowest pace at which a client may read a response, in bytes a second; 0 for no limit.
    package var readPace: Int
    /// `limits.prefill_resets`: how many requests in a minute a client may cancel while an executor works on their
    /// prompts; nil for no limit.
    ///
    /// A client is an API key, or for requests without a key an address. A limit of the key itself takes precedence.
    package var prefillResetsMax: Int?

    init(_ configuration: Configuration) {
        func nanoseconds(_ duration: Duration) -> Nanoseconds { Nanoseconds(duration.inNanoseconds) }
        let timeouts = configuration.timeouts
        body = nanoseconds(timeouts.body)
        clientStall = nanoseconds(timeouts.clientStall)
        commitAfter = nanoseconds(configuration.commitAfter)
        keepAlive = nanoseconds(configuration.keepAlive)
        keepsJSONAlive = configuration.jsonKeepAlive
        bodyBytesMax = configuration.limits.bodyBytes
        loopsMax = configuration.maxLoops
        bufferMax = configuration.limits.exchangeBufferBytes
        bodyPace = configuration.limits.bodyPace
        readPace = configuration.limits.readPace
        prefillResetsMax = configuration.limits.prefillResets
    }
}
