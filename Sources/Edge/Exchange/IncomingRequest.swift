// The request of an exchange: its head, its body, and what the scan has found in the body.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The request of one exchange, which releases it as soon as no attempt can need it any more.
///
/// It is a class so that reading one of its properties does not copy the others.
final class IncomingRequest {
    let head: RequestHead
    let target: RequestTarget
    /// The bytes of the body that have arrived, or the decoded body; nil until the request has been admitted.
    var body: RequestBody?
    /// The coding that `body` has to be decoded from; nil if it has none, or has been decoded.
    var coding: ContentCoding?
    /// What the scan has found in the body; nil before the model has been identified.
    var scan: RequestScan?
    /// The failure with which the request is refused once its body has been read and dropped.
    var refusal: Failure?

    init(_ head: RequestHead, target: RequestTarget) {
        self.head = head
        self.target = target
    }

    /// Makes the request for an executor, with the body spliced.
    ///
    /// - Parameter asksForUsage: Whether the usage of a stream is requested even if the client did not request it.
    /// - Returns: The request, and whether the usage has to be removed from the answer since the client did not request
    ///   it; nil if the request has not been scanned.
    func forExecutor(_ executor: ExecutorTarget, dialect: Dialect, requestID: String, asksForUsage: Bool)
        -> (request: ExecutorRequest, removesUsage: Bool)?
    {
        guard let scan, let body else { return nil }
        let splice = BodySplice(
            scan,
            length: body.count,
            dialect: dialect,
            executorModel: executor.executor.model,
            asksForUsage: asksForUsage
        )
        let path = QueryPolicy.withoutCredentials(target)
        let request = ExecutorRequest(
            method: head.method,
            target: executor.pathPrefix.isEmpty ? path : executor.pathPrefix + path,
            host: executor.host,
            fields: FieldPolicy.toExecutor(
                head.fields,
                forwarded: executor.forwarded,
                version: head.version,
                requestID: requestID,
                credential: executor.credential
            ),
            body: SplicedBody(body: body, splice: splice)
        )
        return (request, splice.removesUsage)
    }
}

extension BodyLength {
    /// Whether the length is announced and larger than `limit` bytes.
    func isOver(_ limit: Int) -> Bool {
        if case .known(let length) = self { return length > limit }
        return false
    }
}
