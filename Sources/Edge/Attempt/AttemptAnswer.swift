// The state of the answer to an attempt's request: what kind of answer it is, and how far it has come.
internal import HTTP
internal import Inference

/// The state of the answer that an attempt receives, as far as the answer has arrived.
///
/// An attempt that sends its request again begins with a new value.
struct AttemptAnswer {
    /// The kind of an answer, as far as the kind is known.
    enum Kind: Sendable {
        /// The head of the response has not arrived.
        case none
        /// A stream of events.
        case events
        /// A document: an answer that is not a stream, or is not yet known to be one.
        ///
        /// The attempt holds the document back until all of it has arrived. A document that is too large to hold
        /// becomes `passing`.
        case document
        /// An answer that is not a stream, but is relayed as it arrives, because it is larger than `Attempt.heldMax` or
        /// there is no memory to hold it back.
        case passing
        /// An answer with a status of 400 or above; it is read to classify the error, and is never relayed unchanged.
        case failure
    }

    /// The head of the response; nil until it has arrived.
    var head: ResponseHead?
    var kind = Kind.none
    /// What a scan has found in the answer, such as an error; nil unless the answer is a JSON document that has arrived
    /// completely.
    var scan: AnswerScan?
    /// The length of the body that the head announces, in bytes; nil if it announces none.
    var expectedBytes: Int?
    /// How many bytes of an answer that is not a stream have arrived.
    var documentBytes = 0
    /// Whether only the closing of the connection marks the end of the body, so that a lost connection looks like the
    /// end of the body.
    var endsWithClose = false
    /// Whether the request asked for a stream, but the content type of the answer is not `text/event-stream`.
    ///
    /// The first bytes of such an answer decide whether the answer is a stream.
    var isUnlabelled = false
    /// Whether an answer of the kind `passing`, which is relayed as it arrives, begins with `{` or `[`.
    ///
    /// If the client speaks a known dialect, such an answer must be valid JSON when it ends.
    var isLargeBracketed = false
    /// Whether the pieces of a large event are held back at present, until it is clear whether the event is an error.
    var holdsEvent = false
    /// Whether the first event is an error that refuses `stream_options`, a field that the edge had added to the
    /// request.
    ///
    /// The request is then sent again without `stream_options`.
    var isUsageRefused = false
}
