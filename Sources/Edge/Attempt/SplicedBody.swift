// The request body that one attempt sends: the client's bytes, a few of which are replaced for the executor.
internal import HTTP
internal import Inference
internal import Transport

/// The client's body with the changes for one attempt, as a source that the HTTP layer reads.
///
/// Confined to its worker. The bytes are copied only into the output buffer of the connection.
final class SplicedBody: RequestBodySource {
    private let body: RequestBody
    private let splice: BodySplice

    init(body: RequestBody, splice: BodySplice) {
        self.body = body
        self.splice = splice
    }

    var length: Int { splice.count }
    /// The same body without the field `include_usage`, which the edge has added; nil if the edge has not added it.
    var withoutUsage: SplicedBody? { splice.withoutUsage.map { SplicedBody(body: body, splice: $0) } }

    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        unsafe scratch.append(upTo: limit) { unsafe splice.copy(from: body, offset: offset, into: $0) }
    }
}
