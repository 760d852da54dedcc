// The protocol by which an attempt reports to its exchange. Its methods are in the order in which they can be called.
internal import Inference
internal import Transport

/// Receives the reports of an attempt; `Exchange` conforms to this protocol.
///
/// All calls are made on the worker's thread. An attempt makes no call after it has failed, ended or been cancelled.
/// The exchange may cancel the attempt during any of the calls.
protocol AttemptOwner: AnyObject {
    /// The head of the response has arrived, and announces an answer of this kind.
    ///
    /// No part of the answer can be relayed yet.
    ///
    /// The kind `none` means that the attempt has discarded the answer, and has sent the request to the same engine
    /// again.
    func attempt(_ attempt: Attempt, answersWith kind: AttemptAnswer.Kind)
    /// The relay of the answer can begin.
    ///
    /// The first event with content, a complete document, or the beginning of a large document has arrived.
    ///
    /// After this call, the exchange cannot move to another executor, because the client gets a part of this answer.
    func attemptIsReady(_ attempt: Attempt)
    /// The next bytes of the answer, valid during the call: an event, or a piece of a large event or of a document.
    func attempt(_ attempt: Attempt, relays bytes: Span<UInt8>)
    /// The next bytes of the answer, which the attempt has held back until now.
    ///
    /// The exchange passes them on without copying them.
    func attempt(_ attempt: Attempt, relays document: SharedBytes)
    /// The attempt has ended after its answer began to be relayed; `attemptIsReady` has been called before.
    func attempt(_ attempt: Attempt, ended end: Attempt.End)
    /// The attempt has failed before its answer was ready to be relayed, and has freed its slot at the executor.
    func attempt(_ attempt: Attempt, failed failure: Failure)
}
