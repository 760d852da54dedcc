// The phases of an exchange as a value: an event in, a short list of actions out. No I/O, no clock, no buffers.
package import Inference

/// Decides what happens to an exchange.
///
/// `Exchange` carries out what it says and tells it what came of it.
///
/// Events and tokens of a relay do not pass through here: only what changes the phase does.
package struct ExchangeMachine: Equatable, Sendable {
    package enum Phase: Equatable, Sendable {
        /// The request is being read.
        case body
        /// Waits for an executor; nothing has been said to the client.
        case queued
        /// An attempt is under way; nothing has been said to the client.
        case attempt
        /// Nothing from the executor yet, but the client has its 200 and hears comments.
        case silence
        /// The answer passes.
        case relay
        /// The answer has been handed over whole; the client is still taking it.
        case finishing
        case ended
    }

    /// Which deadline passed.
    package enum DeadlineKind: Equatable, Sendable {
        case body, firstEvent, response, commit, keepAlive, stall, clientStall
    }

    package enum Event: Equatable, Sendable {
        /// The request body is whole.
        case bodyEnded
        /// The answer is the edge's own, and on its way.
        case answeredHere
        /// The model has an executor.
        case routed
        /// Its executors run as many as they take: the exchange waits for one, at first or again.
        case queued
        /// The request cannot be served: told to the client.
        case refused(Failure)
        /// The first good event of a stream, or a whole (or large) answer of another kind, is there.
        case answerReady
        /// The executor failed the attempt: below HTTP, or with an error as its first event.
        case attemptFailed(Failure)
        /// The attempt failed, and another executor is to try: only ever before the first event has been relayed.
        case retried
        /// The event that completes the stream has been relayed.
        case complete
        /// The executor's answer ended in order. Complete, or with an error event of its own: both end as it ended.
        case executorEnded(isComplete: Bool, sawError: Bool)
        /// The executor's answer was cut; `sawError`: after an error event of its own.
        case executorBroke(Failure, sawError: Bool)
        case clientLeft
        /// The client has the whole response.
        case responseTaken
        case deadlinePassed(DeadlineKind)
        /// The server is ending, and its patience with it.
        case drainExpired
    }

    package enum Action: Equatable, Sendable {
        /// Find out what is asked for and who can serve it; then `.routed` or `.refused`.
        case identify
        case startAttempt
        /// Send status and head to the client.
        case commit
        /// Send 200 before the executor has said anything.
        case commitSilently
        case sendComment
        /// Send a status with the failure in its body.
        case answer(Failure)
        /// End the client's response cleanly.
        case finish
        /// End it so that nobody can take it for whole, after an error event if `withEvent`.
        case breakOff(Failure, withEvent: Bool)
        /// Cut the client off: it does not read.
        case cutClient(Failure)
        case abortAttempt
        /// Nobody is to be given to it any more.
        case leaveQueue
        /// It is over: settle, log, let go.
        case end(End)
    }

    /// How an exchange ended, for the log and the counters.
    package enum End: Equatable, Sendable {
        case complete
        case failed(Failure)
        case clientLeft
    }

    package private(set) var phase = Phase.body
    /// What went wrong, if anything has: the end is told once the client side is done.
    private var failure: Failure?

    package init() {}

    /// The retry boundary (design.md): until the first event is relayed the exchange may move to another executor.
    package var mayRetry: Bool { phase == .attempt || phase == .silence }

    /// The client has a status: from here on a failure is told in the stream.
    package var isCommitted: Bool { phase == .silence || phase == .relay || phase == .finishing }

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .clientLeft: return clientLeft()
        case .responseTaken:
            guard phase == .finishing else { return [] }
            return over(failure.map { .failed($0) } ?? .complete)
        case .drainExpired: return fail(Failure(.draining))
        case .deadlinePassed(let kind): return deadlinePassed(kind)
        case .refused(let failure): return fail(failure)
        case .attemptFailed(let failure): return fail(failure)
        default: break
        }
        switch (phase, event) {
        case (.body, .bodyEnded): return [.identify]
        case (.body, .answeredHere):
            phase = .finishing
            return []
        case (.body, .routed):
            phase = .attempt
            return [.startAttempt]
        case (.body, .queued):
            phase = .queued
            return []
        case (.attempt, .queued):
            phase = .queued
            return [.abortAttempt]
        case (.queued, .routed):
            phase = .attempt
            return [.startAttempt]
        case (.attempt, .answerReady):
            phase = .relay
            return [.commit]
        case (.silence, .answerReady):
            phase = .relay
            return []
        case (.attempt, .retried), (.silence, .retried): return [.abortAttempt, .startAttempt]
        case (.relay, .complete): return finish()
        case (.relay, .executorEnded(let isComplete, let sawError)):
            if isComplete || sawError { return finish() }
            return fail(Failure(.executorBrokeOff))
        case (.relay, .executorBroke(let failure, let sawError)): return breakOff(failure, withEvent: !sawError)
        case (.attempt, .executorEnded), (.silence, .executorEnded): return fail(Failure(.executorBrokeOff))
        case (.attempt, .executorBroke(let failure, _)), (.silence, .executorBroke(let failure, _)):
            return fail(failure)
        default: return []
        }
    }

    private mutating func deadlinePassed(_ kind: DeadlineKind) -> [Action] {
        switch (phase, kind) {
        case (.body, .body): return fail(Failure(.requestTimeout, "The request body did not arrive in time."))
        case (.attempt, .firstEvent), (.silence, .firstEvent): return fail(Failure(.firstEventTimeout))
        case (.attempt, .response): return fail(Failure(.responseTimeout))
        case (.attempt, .commit):
            phase = .silence
            return [.commitSilently, .sendComment]
        case (.silence, .keepAlive): return [.sendComment]
        case (.relay, .stall): return fail(Failure(.stall))
        case (.relay, .clientStall), (.finishing, .clientStall):
            let aborts = phase == .relay
            phase = .ended
            let failure = Failure(.clientStalled)
            return (aborts ? [.abortAttempt] : []) + [.cutClient(failure), .end(.failed(failure))]
        default: return []
        }
    }

    /// A failure of any side, told in the way that the phase still allows.
    private mutating func fail(_ failure: Failure) -> [Action] {
        switch phase {
        case .body:
            self.failure = failure
            phase = .finishing
            return [.answer(failure)]
        case .queued:
            self.failure = failure
            phase = .finishing
            return [.leaveQueue, .answer(failure)]
        case .attempt:
            self.failure = failure
            phase = .finishing
            return [.abortAttempt, .answer(failure)]
        case .silence, .relay: return breakOff(failure, withEvent: true)
        case .finishing, .ended: return []
        }
    }

    private mutating func breakOff(_ failure: Failure, withEvent: Bool) -> [Action] {
        phase = .ended
        return [.abortAttempt, .breakOff(failure, withEvent: withEvent), .end(.failed(failure))]
    }

    private mutating func finish() -> [Action] {
        phase = .finishing
        return [.finish]
    }

    private mutating func clientLeft() -> [Action] {
        switch phase {
        case .body: return over(.clientLeft)
        case .queued:
            phase = .ended
            return [.leaveQueue, .end(.clientLeft)]
        case .attempt, .silence, .relay:
            phase = .ended
            return [.abortAttempt, .end(.clientLeft)]
        case .finishing: return over(failure.map { .failed($0) } ?? .clientLeft)
        case .ended: return []
        }
    }

    private mutating func over(_ end: End) -> [Action] {
        phase = .ended
        return [.end(end)]
    }
}
