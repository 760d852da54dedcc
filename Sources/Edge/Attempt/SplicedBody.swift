// The request body as one attempt sends it: the client's bytes with the few that the executor needs changed.
internal import HTTP
internal import Inference
internal import Transport

/// A body and the splice of one attempt, as the HTTP layer reads it.
final class SplicedBody: RequestBodySource {
    private let body: RequestBody
    private let splice: BodySplice

    init(body: RequestBody, splice: BodySplice) {
        self.body = body
        self.splice = splice
    }

    var length: Int { splice.count }
    /// See `BodySplice.withoutUsage`.
    var withoutUsage: SplicedBody? { splice.withoutUsage.map { SplicedBody(body: body, splice: $0) } }

    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        unsafe scratch.append(upTo: limit) { unsafe splice.copy(from: body, offset: offset, into: $0) }
    }
}
