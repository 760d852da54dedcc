// The request body for one attempt: the client's bytes, with the changes that the executor needs.
internal import HTTP
internal import Inference
internal import Transport

/// The client's body with the changes for one attempt; the HTTP layer reads its bytes while it sends the request.
///
/// Used only by its worker. The bytes are copied only once, into the output buffer of the connection.
final class SplicedBody: RequestBodySource {
    private let body: RequestBody
    private let splice: BodySplice

    init(body: RequestBody, splice: BodySplice) {
        self.body = body
        self.splice = splice
    }

    var length: Int { splice.count }
    /// The same body without `include_usage`, which some engines reject; nil if the edge has not added this member.
    var withoutUsage: SplicedBody? { splice.withoutUsage.map { SplicedBody(body: body, splice: $0) } }

    func append(from offset: Int, upTo limit: Int, to scratch: Scratch) {
        unsafe scratch.append(upTo: limit) { unsafe splice.copy(from: body, offset: offset, into: $0) }
    }
}
