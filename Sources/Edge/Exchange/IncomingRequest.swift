// What an exchange keeps of its request: the head, the body, and what a scan has found in it.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// Let go of as soon as no attempt can need it any more.
///
/// A class, so that to read it is not to copy it.
final class IncomingRequest {
    let head: RequestHead
    let target: RequestTarget
    /// Nil until the request has been admitted; then what has come of it.
    var body: RequestBody?
    /// What `body` is still in, and has to be decoded from.
    var coding: ContentCoding?
    var scan: RequestScan?
    /// Decided by the head alone, and told once the body has been read and dropped.
    var refusal: Failure?

    init(_ head: RequestHead, target: RequestTarget) {
        self.head = head
        self.target = target
    }

    /// The request as an executor gets it.
    ///
    /// - Parameter asksForUsage: Whether a stream's usage is asked for where the client does not.
    /// - Returns: nil where the request has not been scanned; `removesUsage` if the usage is asked for by us alone.
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
