// The state of the answer to an attempt's request: what kind of answer it is, and how far it has come.
internal import HTTP
internal import Inference

/// The state of one answer; an attempt that sends its request again begins with a new value.
///
/// Confined to its attempt.
struct AttemptAnswer {
    /// The kind of an answer, as far as the kind is known.
    enum Kind: Sendable {
        /// The head of the response has not arrived.
        case none
        /// A stream of events.
        case events
        /// An answer that is not a stream, or is not yet known to be one.
        ///
        /// The attempt holds the document back until the document is whole. A document that is too large to hold
        /// becomes `passing`.
        case document
        /// A document that is relayed as it arrives: it is larger than `Attempt.heldMax`, or there is no memory to hold
        /// it.
        case passing
        /// An answer with a status of 400 or above: read to classify the error, and never relayed unchanged.
        case failure
    }

    /// The head of the response; nil until it has arrived.
    var head: ResponseHead?
    var kind = Kind.none
    /// The result of scanning a complete JSON document; nil until the document is complete, and for every other answer.
    var scan: AnswerScan?
    /// The length of the body that the head announces, in bytes; nil if it announces none.
    var expectedBytes: Int?
    /// How many bytes of a document have arrived.
    var documentBytes = 0
    /// Whether the body ends when the connection closes, so that a lost connection looks like the end of the answer.
    var endsWithClose = false
    /// Whether the request asked for a stream, but the content type of the answer is not `text/event-stream`.
    ///
    /// The first bytes of such an answer decide whether the answer is a stream.
    var isUnlabelled = false
    /// Whether a document that is relayed as it arrives begins with `{` or `[`, as an object or an array does.
    var isLargeBracketed = false
    /// Whether the pieces of a large event are held back until it is clear whether the event is an error.
    var holdsEvent = false
    /// Whether the first event refuses `stream_options`, which the edge had added.
    ///
    /// The request is then sent again without `stream_options`.
    var isUsageRefused = false
}
