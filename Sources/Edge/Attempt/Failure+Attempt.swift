// The failures of attempts. The text in `detail` says what the executor did wrong. It is logged, and never sent to
// clients.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Failure {
    /// How a failed attempt counts in the health of its executor at the moment of the failure: as a fault, as busy, as
    /// loading, or not at all.
    ///
    /// A failure that the request may have caused (`suspect`) does not count at that moment, because later attempts at
    /// other executors show who was at fault.
    var outcome: ExecutorPool.Outcome {
        switch charge {
        case .none, .suspect: .neither
        case .busy where engineError?.isLoading == true: .loading
        case .busy: .busy(retryAfterMs.map { Nanoseconds($0) * 1_000_000 })
        case .connection: .fault(.connection)
        case .answer: .fault(.answer)
        case .timeout: .fault(.timeout)
        }
    }

    /// The outcome that is reported to the pool of executors if the attempt failed while its answer was relayed.
    ///
    /// A failure that the request may have caused (`suspect`) counts as the executor's fault here, because no other
    /// executor can try the request any more. The engine was reachable, so the fault is in its answer.
    var lateOutcome: ExecutorPool.Outcome {
        switch charge {
        case .suspect, .connection, .answer: .lateFault(.answer)
        case .timeout: .lateFault(.timeout)
        case .none, .busy: outcome
        }
    }

    /// The failure of a response whose status cannot be relayed to the client.
    ///
    /// Redirects, 204 (No Content), 205 (Reset Content) and 206 (Partial Content) are not relayed.
    static func noAnswer(in head: ResponseHead) -> Failure {
        var failure = Failure(.executorProtocol)
        let leads = (300..<400).contains(head.status) ? ", which leads to no other path of the same engine" : ""
        failure.detail = "it answered \(head.status)\(leads)"
        return failure
    }

    /// The failure of a response with a 2xx status and an empty body; no known API answers so.
    static var emptyAnswer: Failure {
        var failure = Failure(.executorProtocol)
        failure.detail = "it answered without a body"
        return failure
    }

    /// The failure of an answer whose JSON is incomplete, although the HTTP response is complete.
    static var cutDocument: Failure {
        var failure = Failure(.executorBrokeOff)
        failure.detail = "its document is not whole"
        return failure
    }

    /// The failure of an answer that is a document, if the client has already been sent the head of a stream.
    static var noStream: Failure {
        var failure = Failure(executorStatus: 502)
        failure.detail = "it answered a request for a stream with a document"
        return failure
    }

    /// The failure of an attempt whose connection or HTTP/2 stream has failed.
    init(attempt failure: ExecutorFailure) {
        switch failure {
        case .unreachable(let error):
            self.init(error.isOutOfDescriptors ? .overloaded : .executorUnreachable)
            detail = "\(error)"
        case .unresolved:
            self.init(.executorUnreachable)
            detail = "the name of its host has no address"
        case .connectTimeout:
            self.init(.executorUnreachable, "The model's executor did not accept a connection in time.")
            detail = "connect: timed out after timeouts.connect"
        case .tls(let error) where error.kind == .verification:
            self.init(.executorCertificate)
            detail = error.reason
        case .tls(let error):
            self.init(.executorUnreachable)
            detail = "TLS: \(error)"
        case .noHTTP2:
            self.init(.executorProtocol)
            detail = "it speaks no HTTP/2"
        case .refused:
            self.init(executorStatus: 503)
            detail = "it refused the stream, or sent GOAWAY before it"
        case .closedBeforeHead:
            self.init(.executorBrokeOff)
            detail = "it closed the connection before its answer"
        case .closedInResponse:
            self.init(.executorBrokeOff)
            detail = "it closed the connection in its answer"
        case .violation(let text):
            self.init(.executorProtocol)
            detail = text
        }
    }

    /// The failure of an answer that is incomplete, as its finish reason or the lack of a finish reason shows.
    ///
    /// - Parameter reason: The finish or stop reason of the answer; nil if it has none.
    static func brokeOff(reason: String?) -> Failure {
        var failure = Failure(.executorBrokeOff)
        failure.detail = reason.map { "it ended with the reason '\($0)'" } ?? "it ended without a reason"
        return failure
    }
}
