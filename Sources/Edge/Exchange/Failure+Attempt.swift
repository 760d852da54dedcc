// What a failed attempt is to its exchange: told to the client without the executor's own words, which the log has.
internal import HTTP
internal import Inference
internal import Transport

extension Failure {
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
