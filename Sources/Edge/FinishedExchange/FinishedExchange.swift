// Everything that is known of an exchange once it is over: one value, which the log and the metrics render.
internal import HTTP
internal import Inference
internal import Transport

/// Made once at the end of every exchange, refusals of the HTTP layer included.
///
/// It holds no prompt, no completion and no key.
/// Moments are in the nanoseconds of the event loop's clock; 0 is one that has not come.
package struct FinishedExchange: Sendable {
    /// One attempt, as it went.
    package struct Attempted: Equatable, Sendable {
        /// The URL of the executor.
        var executor: String
        /// The ids under which the attempt is counted: of the executor, and of the model whose pool it is in.
        var executorID: Int
        var modelID: Int
        var times: Attempt.Times
        /// From its begin to its end.
        var duration: Nanoseconds
        /// Why it failed before its answer was ready; nil for the attempt that the exchange ended with.
        var failure: Failure?
    }

    /// How a stream of events went.
    package struct Stream: Sendable {
        var events: Int
        var tokens: Int
        var firstToken: Nanoseconds
        var lastToken: Nanoseconds
        var gapCount: Int
        var gapSum: Nanoseconds
        var longestGap: Nanoseconds
    }

    package let id: ExchangeID
    /// The client's `x-request-id`, or ours.
    package var requestID: String
    var client: Client
    var version: HTTPVersion
    /// Nil where no request could be read.
    var method: Method?
    /// The target of the request as it came, cut at 256 bytes.
    var target: [UInt8]
    var userAgent: String?
    /// The session that the client named, cut at 128 bytes.
    var session: String?
    /// Nil where the request carried an unknown key, or no key where one is required.
    var tenant: String?
    /// The public name of the key.
    var key: String?
    /// The id of the model in the configuration, and that of its entry in the registry.
    var model: String?
    var modelID: Int?
    /// What the client called a model that there is not, or not for it.
    var modelAsked: String?
    var status: Int
    var end: ExchangeMachine.End

    // When.
    /// Of the end, in seconds and microseconds since 1970.
    var wallTime: (seconds: Int, microseconds: Int)
    var began: Nanoseconds
    var bodyEnded: Nanoseconds = 0
    var committed: Nanoseconds = 0
    var ended: Nanoseconds
    /// How long the exchange waited for executors in all; nil where it never did.
    var queueWait: Nanoseconds?

    // What.
    var bytesIn = 0
    var bytesOut = 0
    /// Bytes of the response that waited for the client when it was cut off or left.
    var bytesLost = 0
    /// The request asked for a stream.
    var wantsStream = false
    /// The attempts that failed before their answers were ready, in order.
    var failed: [Attempted] = []
    /// The attempt that the exchange ended with, if it has not failed so.
    var last: Attempted?
    /// Nil where the answer was not a stream of events.
    var stream: Stream?
    /// The answer was a document that could be scanned.
    var isScannedDocument = false
    var finishReason: String?
    /// Nil where the request named no model, or only had tokens counted.
    var usage: Usage?
    /// The text of engines' errors goes into the log line, not only what they are.
    var showsEngineErrors = false
    /// Health checks come by the second: they are neither logged nor counted.
    var isHealthCheck = false

    /// The status of the response, or that of a failure which came after a 200.
    var toldStatus: Int {
        guard status < 400, case .failed(let failure) = end else { return status }
        return failure.status
    }

    /// All attempts, in order.
    var attempts: [Attempted] { last.map { failed + [$0] } ?? failed }

    /// Tokens that the executor had sent and the client was no longer there to take, by their share of the bytes lost.
    var wastedTokens: Int {
        guard end != .complete, let stream, bytesLost > 0, bytesOut > 0, stream.tokens > 0 else { return 0 }
        return (stream.tokens * min(bytesLost, bytesOut) + bytesOut - 1) / bytesOut
    }
}

extension FinishedExchange {
    /// A request that broke the rules of HTTP, and was refused before there was an exchange.
    init(refused failure: Failure, id: ExchangeID, requestID: String, stream: ServerStream, now: Nanoseconds) {
        self.init(
            id: id,
            requestID: requestID,
            client: stream.client,
            version: stream.version,
            target: [],
            tenant: KeyAccess.anonymous,
            status: failure.status,
            end: .failed(failure),
            wallTime: Clock.wallTime(),
            began: now,
            ended: now,
            bytesOut: stream.bytesSent
        )
    }
}
