// The facts about a finished exchange (a request and its response), from which its log line and the counters are made.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The facts about one exchange, or about one request that the HTTP layer has refused.
///
/// The value is made once, at the end of the exchange. It holds no prompt, no completion and no API key. A point in
/// time is in nanoseconds of the event loop's clock, and 0 if the exchange did not reach it. Durations are in
/// nanoseconds.
package struct FinishedExchange: Sendable {
    /// One attempt of the exchange, after its end.
    package struct Attempted: Equatable, Sendable {
        /// The name of the executor's engine: its URL, with an address if a host name stands for several engines.
        var executor: String
        /// The number that identifies the executor for as long as the process runs.
        var executorID: Int
        /// The number of the model for which the attempt was made: the requested model, or one of its fallbacks.
        var modelID: Int
        var times: Attempt.Times
        /// The time from the start of the attempt to its end.
        var duration: Nanoseconds
        /// Why the attempt failed before its answer was ready to be relayed; nil if it did not fail before that.
        var failure: Failure?
        /// How the executor was chosen; nil if the model's executors are not chosen by their cached prompts.
        var placement: Placement?
    }

    /// The counts and times of a relayed stream of events.
    package struct Stream: Sendable {
        var events: Int
        var tokens: Int
        var firstToken: Nanoseconds
        var lastToken: Nanoseconds
        var gapCount: Int
        var gapSum: Nanoseconds
        var longestGap: Nanoseconds
    }

    /// The id that the server gave to the exchange.
    package let id: ExchangeID
    /// The client's `x-request-id` if it was well-formed, otherwise an id that the server made.
    package var requestID: String
    var client: Client
    var version: HTTPVersion
    /// The request's method; nil if no request could be read.
    var method: Method?
    /// The request target as the client sent it, cut at 256 bytes.
    var target: [UInt8]
    var userAgent: String?
    /// Cloudflare's id of the request and the client's country; nil if both are missing or cannot be trusted.
    var cloudflare: CloudflareFields?
    /// The id of the session, as the client has sent it, cut at 128 bytes.
    var session: String?
    /// The caller's tenant; nil if the request carried an unknown key, or no key where one is required.
    var tenant: String?
    /// The public name of the API key; nil if the request had no key or an unknown key.
    var key: String?
    /// The priority class of the request.
    var priority = PriorityClass.standard
    /// The id of the model in the configuration; nil if the request named no known model.
    var model: String?
    /// The number that identifies the model for as long as the process runs; nil if `model` is nil.
    var modelID: Int?
    /// The name of the requested model, if no such model exists or the caller may not use it.
    var modelAsked: String?
    /// The status that the edge sent to the client; 499 if the client left or was cut off before that.
    var status: Int
    var end: ExchangeMachine.End

    /// The time at which the exchange ended, in seconds and microseconds since 1970.
    var wallTime: (seconds: Int, microseconds: Int)
    var began: Nanoseconds
    var bodyEnded: Nanoseconds = 0
    var committed: Nanoseconds = 0
    var ended: Nanoseconds
    /// How long the exchange waited in queues for an executor, all together; nil if it never waited.
    var queueWait: Nanoseconds?

    var bytesIn = 0
    var bytesOut = 0
    /// How many bytes of the response were not yet sent when the client left or was cut off.
    var bytesLost = 0
    /// Whether the request asked for a stream.
    var wantsStream = false
    /// The attempts that failed before their answers were ready to be relayed, in order.
    var failed: [Attempted] = []
    /// The attempt that was the last; nil if there was none, or if it is already the last element of `failed`.
    var last: Attempted?
    /// The counts and times of the relayed stream; nil if the answer was not a stream of events.
    var stream: Stream?
    /// Whether the answer was one JSON document, which arrived completely and which the edge scanned.
    ///
    /// Always false if the request asked for a stream.
    var isScannedDocument = false
    var finishReason: String?
    /// The tokens that were used; nil if the request named no known model, or only asked for a count of tokens.
    var usage: Usage?
    /// Whether the log line contains the message of an engine's error; its type and code are always there.
    var showsEngineErrors = false
    /// Whether the exchange was a health check, which is neither logged nor counted.
    var isHealthCheck = false
    /// The client's certificate; nil if the client presented none.
    var clientCertificate: ClientCertificate?

    /// The status under which the exchange is counted in the metrics.
    ///
    /// The value is `status`, the status that the edge sent to the client. But if the edge sent a status below 400 and
    /// the exchange failed afterwards, it is the status of the failure.
    var reportedStatus: Int {
        guard status < 400, case .failed(let failure) = end else { return status }
        return failure.status
    }

    /// All attempts, in order.
    var attempts: [Attempted] { last.map { failed + [$0] } ?? failed }

    /// An estimate of the tokens that the executor sent and that did not reach the client.
    ///
    /// The estimate assumes that tokens are spread evenly over the bytes: the lost part of the stream's tokens is
    /// `bytesLost` divided by `bytesOut`.
    var wastedTokens: Int {
        guard end != .complete, let stream, bytesLost > 0, bytesOut > 0, stream.tokens > 0 else { return 0 }
        return (stream.tokens * min(bytesLost, bytesOut) + bytesOut - 1) / bytesOut
    }
}

extension FinishedExchange {
    /// Records a request that broke a rule of HTTP, and that the HTTP layer refused before an exchange began.
    init(refused failure: Failure, id: ExchangeID, requestID: String, stream: ServerStream, now: Nanoseconds) {
        self.init(
            id: id,
            requestID: requestID,
            client: stream.client,
            version: stream.version,
            target: [],
            tenant: Authenticator.anonymous,
            status: failure.status,
            end: .failed(failure),
            wallTime: Clock.wallTime(),
            began: now,
            ended: now,
            bytesOut: stream.bytesSent
        )
        clientCertificate = stream.connection.clientCertificate
    }
}
