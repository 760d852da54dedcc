// The endpoints that the edge answers itself: health, `/`, the list of models, and all paths that are not served.
internal import HTTP
internal import Inference
internal import Transport

extension Exchange {
    /// Answers the request with this failure, unless the method of the request calls for another answer.
    ///
    /// An unknown method is answered with 501 (RFC 9110 section 15.6.2). `OPTIONS *` asks about the server as a whole
    /// and is answered with 200.
    func refuse(_ head: RequestHead, _ failure: Failure) {
        switch head.method {
        case .options where head.target.elementsEqual("*".utf8):
            var extra = FieldBlock()
            extra.append(.allow, "GET, HEAD, POST, OPTIONS")
            answerWithoutBody(status: 200, extra)
        case .other: refuseAfterBody(head, Failure(.methodNotImplemented))
        default: refuseAfterBody(head, failure)
        }
    }

    /// The failure for a request to a path that is not served.
    func nothingHere(_ head: RequestHead) -> Failure {
        // No path of this server accepts a multipart body. A 404 would suggest that another path might, so the client
        // gets 415.
        if head.method == .post, isMultipart(head) { return Failure(.unsupportedMediaType) }
        return Failure(.notFound, PathHint.message(head.method, RequestTarget(head.target).path))
    }

    /// Whether the `content-type` of the request is a kind of `multipart`.
    func isMultipart(_ head: RequestHead) -> Bool {
        head.fields.first(.contentType).map(Inference.isMultipart) ?? false
    }

    /// Refuses a request; if it has a small body, the body is first read to its end and dropped.
    ///
    /// The connection can then be used for the next request, and faults in the framing of the body are still found.
    private func refuseAfterBody(_ head: RequestHead, _ failure: Failure) {
        if head.body == .none || head.expectsContinue || head.body.isOver(Self.droppedMax) {
            handle(.refused(failure))
            return
        }
        request?.refusal = failure
        deadlines.body = now + snapshot.limits.body
        arm()
    }

    /// The largest body of a refused request that is read and dropped, in bytes.
    static let droppedMax = 64 << 10

    /// The body of the answer at `/`.
    static let rootJSON = Array(
        #"{"name":"freeinference","api":"/v1","models":"/v1/models","health":"/health"}"#.utf8
    )

    /// Answers `/health`: 200, or 503 once the server has been asked to end.
    func answerHealth() {
        // All answers to health checks share the same bytes, whose memory is charged to no connection. A health check
        // is therefore answered even if its connection has used all the memory that one connection may use.
        let isLeaving = environment.isLeaving
        let json = isLeaving ? Self.drainingJSON : Self.healthyJSON
        answerHere(status: isLeaving ? 503 : 200, SharedBytes(common: json))
    }
    private static let healthyJSON = Array(#"{"status":"ok"}"#.utf8)
    private static let drainingJSON = Array(#"{"status":"draining"}"#.utf8)

    private var modelShape: ModelShape { dialect.isAnthropic ? .anthropic : .openRouter }

    /// Answers with the list of models that the caller may use, or with one model.
    func answerCatalog() {
        guard case .modelLookup(let id) = endpoint else {
            let catalog = snapshot.catalog
            if caller == nil {
                answerHere(SharedBytes(common: catalog.listJSON(as: modelShape)))
            } else {
                answerHere(SharedBytes(owned: catalog.listJSON(as: modelShape, where: mayUse)))
            }
            return
        }
        guard let model = snapshot.catalog.resolve(id), mayUse(model) else {
            record.modelAsked = LogText.bounded(id)
            handle(.refused(.modelNotFound(id)))
            return
        }
        answerHere(SharedBytes(owned: model.json(as: modelShape)))
    }
}
