// The reports of an attempt to its exchange, in the order in which they can come.
internal import Inference
internal import Transport

/// The exchange of an attempt.
///
/// Each call comes from the event loop. An attempt makes none of them any more once it has failed, ended or been
/// cancelled; any of them may end the attempt.
protocol AttemptOwner: AnyObject {
    /// The head of the response is there and promises an answer of this kind; nothing of it is ready yet.
    ///
    /// `none`: that answer is dropped, and the request has gone to the same engine again.
    func attempt(_ attempt: Attempt, answersWith kind: Attempt.AnswerKind)
    /// The answer can be relayed: its first good event, all of a document, or more of one than is held back, is there.
    ///
    /// From here on the exchange cannot move to another executor.
    func attemptIsReady(_ attempt: Attempt)
    /// The next bytes of the answer, valid during the call: whole events of a stream, or a piece of a document.
    func attempt(_ attempt: Attempt, relays bytes: Span<UInt8>)
    /// The same for a document that was held back, which is not copied.
    func attempt(_ attempt: Attempt, relays document: SharedBytes)
    /// The answer is over after it was ready: `attemptIsReady` has been called.
    func attempt(_ attempt: Attempt, ended end: Attempt.End)
    /// The attempt has failed before its answer was ready, and its executor has been released.
    func attempt(_ attempt: Attempt, failed failure: Failure)
}
