// The request of an exchange: its head, its body, and what the scan of the body's JSON has found.
internal import HTTP
internal import Inference
internal import Routing
internal import Transport

/// The request of one exchange; the exchange releases it once no later attempt can need it.
///
/// This is a class, so that reading one property does not copy the others.
final class IncomingRequest {
    let head: RequestHead
    let target: RequestTarget
    /// The address of the client.
    let client: SocketAddress
    /// The bytes of the body that have arrived, or the decoded body; nil until the request has been admitted.
    var body: RequestBody?
    /// The coding from which `body` must be decoded; nil if `body` has no coding, or has been decoded.
    var coding: ContentCoding?
    /// What the scan of the body's JSON has found; nil until the exchange has found the model that the body names.
    var scan: RequestScan?
    /// Holds the body back while memory is short, and measures how fast the body arrives; nil until one of the two is
    /// needed.
    var wait: BodyWait?
    /// The failure with which the request is refused once its body has been read and dropped.
    var refusal: Failure?

    init(_ head: RequestHead, target: RequestTarget, client: SocketAddress) {
        self.head = head
        self.client = client
        self.target = target
    }

    /// Makes the request for an executor, with the changes to the body that `BodySplice` describes.
    ///
    /// - Parameters:
    ///   - instance: The id of this process, for `cdn-loop`.
    ///   - asksForUsage: Whether the executor is asked for the token usage of a stream even if the client did not ask.
    ///   - stripsBilling: Whether the billing header at the beginning of the system prompt is left out.
    ///   - priority: The value of the member `priority` for the executor; nil if it gets none.
    /// - Returns: The request, and whether the usage must be removed from the answer because the client did not ask for
    ///   the usage. The result is nil if the request has not been scanned.
    func forExecutor(
        _ executor: ExecutorTarget,
        dialect: Dialect,
        requestID: String,
        instance: String,
        asksForUsage: Bool,
        stripsBilling: Bool,
        priority: Int?
    )
        -> (request: ExecutorRequest, removesUsage: Bool)?
    {
        guard let scan, let body else { return nil }
        let splice = BodySplice(
            scan,
            length: body.count,
            dialect: dialect,
            executorModel: executor.executor.model,
            asksForUsage: asksForUsage,
            stripsBilling: stripsBilling,
            priority: priority
        )
        let path = QueryPolicy.withoutCredentials(target)
        let fields = FieldPolicy.toExecutor(
            head.fields,
            forwarded: executor.forwarded,
            client: client,
            version: head.version,
            requestID: requestID,
            instance: instance,
            credential: executor.credential
        )
        let request = ExecutorRequest(
            method: head.method,
            target: executor.pathPrefix.isEmpty ? path : executor.pathPrefix + path,
            host: executor.host,
            fields: fields,
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
