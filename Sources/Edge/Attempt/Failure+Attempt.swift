// What a failed attempt is to its exchange: told to the client without the executor's own words, which the log has.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Failure {
    /// The outcome that the pool is told at once; a suspect is judged by what the next attempt comes to.
    var outcome: ExecutorPool.Outcome {
        switch charge {
        case .none, .suspect: .neither
        case .busy: .busy(retryAfterMs.map { Nanoseconds($0) * 1_000_000 })
        case .connection: .fault(.connection)
        case .answer: .fault(.answer)
        case .timeout: .fault(.timeout)
        }
    }

    /// The outcome for an attempt that failed in the midst of its answer.
    ///
    /// No other executor can try then, so that a suspect is charged; and its engine could be reached.
    var lateOutcome: ExecutorPool.Outcome {
        switch charge {
        case .suspect, .connection, .answer: .lateFault(.answer)
        case .timeout: .lateFault(.timeout)
        case .none, .busy: outcome
        }
    }

    /// A status that comes with no answer for the client: a redirect, 204 (No Content), a part of a document.
    static func noAnswer(in head: ResponseHead) -> Failure {
        var failure = Failure(.executorProtocol)
        let leads = (300..<400).contains(head.status) ? ", which leads to no other path of the same engine" : ""
        failure.detail = "it answered \(head.status)\(leads)"
        return failure
    }

    /// A good status, and nothing behind it: as a 204, no answer to anything that is asked in a dialect.
    static var emptyAnswer: Failure {
        var failure = Failure(.executorProtocol)
        failure.detail = "it answered without a body"
        return failure
    }

    /// A JSON document that is not whole, in an answer whose framing has ended in order.
    static var cutDocument: Failure {
        var failure = Failure(.executorBrokeOff)
        failure.detail = "its document is not whole"
        return failure
    }

    /// A document where the client has been promised a stream.
    static var noStream: Failure {
        var failure = Failure(executorStatus: 502)
        failure.detail = "it answered a request for a stream with a document"
        return failure
    }

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

    /// The executor has ended its answer, and says itself that it is not whole.
    ///
    /// - Parameter reason: Its finish or stop reason; nil where it has none.
    static func brokeOff(reason: String?) -> Failure {
        var failure = Failure(.executorBrokeOff)
        failure.detail = reason.map { "it ended with the reason '\($0)'" } ?? "it ended without a reason"
        return failure
    }
}
