// What an attempt knows of the answer to its request: what kind of answer it is, and how far it has come.
internal import HTTP
internal import Inference

/// The state of one answer: an attempt that sends its request again begins with a new value.
///
/// Confined to its attempt. None of its mutating functions calls anything that reads it: Swift would end the process
/// at such a second access.
struct AttemptAnswer {
    /// What kind of answer it is, as far as that is known.
    enum Kind: Sendable {
        /// The head of the response has not arrived.
        case none
        /// A stream of events.
        case events
        /// Not a stream, or not known to be one: held back until it is whole or larger than `Attempt.heldMax`.
        case document
        /// A document larger than `Attempt.heldMax`, relayed as it arrives.
        case passing
        /// An answer with a status of 400 or above: read to classify the error, and never relayed as it is.
        case failure
    }

    /// The head of the response; nil until it has arrived.
    var head: ResponseHead?
    var kind = Kind.none
    /// The result of scanning a JSON document at its end; nil before that, and for every other answer.
    var scan: AnswerScan?
    /// The length of the body that the head announces, in bytes; nil if it announces none.
    var expectedBytes: Int?
    /// How many bytes of a document have arrived.
    var documentBytes = 0
    /// Whether the body ends with the connection, so that a broken connection looks like the end of a complete answer.
    var endsWithClose = false
    /// Whether the request asked for a stream and the head does not say whether the answer is one: the first bytes
    /// decide.
    var isUnlabelled = false
    /// Whether a document that is relayed as it arrives begins like an object or an array.
    var isLargeBracketed = false
    /// Whether the pieces of a large event are held back until it is known if the event is an error.
    var holdsEvent = false
    /// Whether the first event refuses `stream_options`, which the edge had added: the request is sent again without
    /// it.
    var isUsageRefused = false
}
