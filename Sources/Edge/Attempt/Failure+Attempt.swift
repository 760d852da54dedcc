// What a failed attempt is to its exchange: told to the client without the executor's own words, which the log has.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

extension Failure {
    /// The failure that an executor's head is, whatever its body says; nil for an answer that is the client's to read.
    init?(executorHead head: ResponseHead) {
        switch head.status {
        case 401, 402, 403, 404, 407:
            // Nothing that the client did.
            self.init(executorStatus: 502)
            isOfOurConfiguration = true
            detail = "it answered \(head.status)"
        case 408, 429, 500...599:
            self.init(executorStatus: head.status)
            retryAfter = head.fields.string(.retryAfter).flatMap { Int($0) }.map { min(max($0, 1), 3600) }
            detail = "it answered \(head.status)"
        default: return nil
        }
    }

    /// A status that comes with no answer for the client: a redirect, 204 (No Content), a part of a document.
    static func noAnswer(in head: ResponseHead) -> Failure {
        var failure = Failure(.executorProtocol)
        let leads = (300..<400).contains(head.status) ? ", which leads to no other path of the same engine" : ""
        failure.detail = "it answered \(head.status)\(leads)"
        return failure
    }

    /// The outcome that the pool is told at once; a suspect is judged by what the next attempt comes to.
    var outcome: ExecutorPool.Outcome {
        switch charge {
        case .none, .suspect: .neither
        case .busy: .busy(retryAfter.map { Nanoseconds($0) * 1_000_000_000 })
        case .connection: .fault(.connection)
        case .answer: .fault(.answer)
        case .timeout: .fault(.timeout)
        }
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
}
