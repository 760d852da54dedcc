// The failure for a request that the HTTP layer has refused.
internal import Inference

extension Failure {
    /// The failure for a refusal of the HTTP layer.
    ///
    /// - Parameters:
    ///   - status: the status with which the HTTP layer refuses; 503 means that there is no memory for the request.
    ///   - message: the HTTP layer's message, without any bytes from the client.
    init(refusal status: Int, _ message: String) {
        if status == 503 {
            self = .noMemory
            return
        }
        let kind: Kind =
            switch status {
            case 408: .requestTimeout
            case 413: .bodyTooLarge
            case 414: .targetTooLong
            case 417: .expectationFailed
            case 431: .headerTooLarge
            case 501: .methodNotImplemented
            case 505: .versionNotSupported
            default: .malformedRequest
            }
        self.init(kind, message)
        detail = message
    }
}
