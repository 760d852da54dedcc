// What a failed attempt is to its exchange: told to the client without the executor's own words, which the log has.
internal import HTTP
internal import Inference
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

    /// What counts against an executor: not that it is busy, and not what the client did.
    var isExecutorsFault: Bool {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol, .firstEventTimeout,
            .responseTimeout, .stall:
            true
        case .executorError: status >= 500 && !isOfOurConfiguration
        default: false
        }
    }

    /// Whether another executor may try, before the first event has been relayed.
    ///
    /// 500 and 408 mean that this request is the trouble, as often as not.
    var retryCause: RetryCause {
        switch kind {
        case .executorUnreachable, .executorCertificate, .executorBrokeOff, .executorProtocol: .free
        case .overloaded: .none
        case .firstEventTimeout: .budgeted
        case .executorError:
            switch status {
            case 429, 502, 503, 504: isOfOurConfiguration ? .free : .budgeted
            default: .none
            }
        default: .none
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
        case .closedBeforeHead, .closedInResponse: self.init(.executorBrokeOff)
        case .violation(let text):
            self.init(.executorProtocol)
            detail = text
        }
    }
}
