// The phases of an exchange as a value: an event in, a short list of actions out. No I/O, no clock, no buffers.
package import Inference

/// Decides what happens to an exchange.
///
/// `Exchange` carries out what it says and tells it what came of it.
///
/// Events and tokens of a relay do not pass through here: only what changes the phase does.
package struct ExchangeMachine: Equatable, Sendable {
    package enum Phase: CaseIterable, Equatable, Sendable {
        /// The request is being read.
        case body
        /// The exchange waits for an executor; nothing has been said to the client.
        case queued
        /// An attempt is under way; nothing has been said to the client.
        case attempt
        /// An attempt is under way; the client has its 200 and hears comments.
        case waiting
        /// The exchange waits for another executor; the client has its 200 and hears comments.
        case waitingInQueue
        /// The answer passes.
        case relay
        /// The answer has been handed over whole; the client is still taking it.
        case finishing
        case ended
    }

    /// Which deadline passed.
    package enum DeadlineKind: CaseIterable, Equatable, Sendable {
        case body, response, commit, keepAlive, stall, clientStall
    }

    package enum Event: Equatable, Sendable {
        /// The request body is whole.
        case bodyEnded
        /// The answer is the edge's own, and on its way.
        case answeredHere
        /// There is an executor for the first or the next attempt.
        case routed
        /// All executors are busy: the exchange waits for one, at first or after a failed attempt.
        case queued
        /// The request cannot be served: the failure is told to the client.
        case refused(Failure)
        /// The first good event of a stream, or a whole (or large) answer of another kind, is there.
        case answerReady
        /// The whole answer has been relayed: its last event, or all of it up to the end of its framing.
        case complete
        /// The executor's answer failed while it was relayed: an error in it, a cut, or an end before it was complete.
        case executorBroke(Failure)
        case clientLeft
        /// We have ended the client's stream or connection, for a fault of the client's or of another of its streams.
        case clientCut(Failure)
        /// The client has the whole response.
        case responseTaken
        case deadlinePassed(DeadlineKind)
        /// The server is ending, and its patience with it.
        case drainExpired
    }

    package enum Action: Equatable, Sendable {
        /// Find out what is asked for and who can serve it; then `.routed`, `.queued` or `.refused`.
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
        /// End it so that nobody can take it for whole, after an error event where it is a stream.
        case breakOff(Failure)
        /// Cut off a client that does not read.
        case cutClient
        case abortAttempt
        /// Stop waiting: the exchange is to be given no executor any more.
        case stopWaiting
        /// The exchange is over: settle, log, let go.
        case end(End)
    }

    /// How an exchange ended, for the log and the counters.
    package enum End: Equatable, Sendable {
        case complete
        case failed(Failure)
        case clientLeft
    }

    package private(set) var phase = Phase.body
    /// What the client is being told; the end is reported once the client has taken it.
    private var failure: Failure?

    package init() {}

    /// Whether another attempt may follow: until the first event is relayed the exchange may move to another executor.
    package var mayRetry: Bool { phase == .attempt || phase == .waiting }

    /// Whether the exchange waits for an executor.
    package var isWaiting: Bool { phase == .queued || phase == .waitingInQueue }

    package mutating func handle(_ event: Event) -> [Action] {
        switch event {
        case .clientLeft: return clientLeft(.clientLeft)
        case .clientCut(let failure): return clientLeft(.failed(failure))
        case .responseTaken:
            guard phase == .finishing else { return [] }
            return over(failure.map { .failed($0) } ?? .complete)
        case .drainExpired: return fail(Failure(.draining))
        case .deadlinePassed(let kind): return deadlinePassed(kind)
        case .refused(let failure): return fail(failure)
        case .routed: return routed()
        case .queued: return queued()
        default: break
        }
        switch (phase, event) {
        case (.body, .bodyEnded): return [.identify]
        case (.body, .answeredHere):
            phase = .finishing
            return []
        case (.attempt, .answerReady):
            phase = .relay
            return [.commit]
        case (.waiting, .answerReady):
            phase = .relay
            return []
        case (.relay, .complete): return finish()
        case (.relay, .executorBroke(let failure)): return breakOff(failure)
        default: return []
        }
    }

    /// An attempt begins: the first one, one after a wait, or one after an attempt that has failed.
    private mutating func routed() -> [Action] {
        switch phase {
        case .body, .queued: phase = .attempt
        case .waitingInQueue: phase = .waiting
        case .attempt, .waiting: break
        case .relay, .finishing, .ended: return []
        }
        return [.startAttempt]
    }

    private mutating func queued() -> [Action] {
        switch phase {
        case .body, .attempt: phase = .queued
        case .waiting: phase = .waitingInQueue
        case .queued, .waitingInQueue, .relay, .finishing, .ended: break
        }
        return []
    }

    private mutating func deadlinePassed(_ kind: DeadlineKind) -> [Action] {
        switch (phase, kind) {
        case (.body, .body): return fail(Failure(.requestTimeout, "The request body did not arrive in time."))
        case (.attempt, .response): return fail(Failure(.responseTimeout))
        case (.attempt, .commit):
            phase = .waiting
            return [.commitSilently, .sendComment]
        case (.waiting, .keepAlive), (.waitingInQueue, .keepAlive), (.relay, .keepAlive): return [.sendComment]
        case (.relay, .stall): return fail(Failure(.stall))
        case (.relay, .clientStall), (.finishing, .clientStall):
            let aborts = phase == .relay
            phase = .ended
            return (aborts ? [.abortAttempt] : []) + [.cutClient, .end(.failed(Failure(.clientStalled)))]
        default: return []
        }
    }

    /// A failure of any side, told in the way that the phase still allows.
    private mutating func fail(_ failure: Failure) -> [Action] {
        switch phase {
        case .body, .queued, .attempt:
            let release = release
            self.failure = failure
            phase = .finishing
            return release + [.answer(failure)]
        case .waiting, .waitingInQueue, .relay: return breakOff(failure)
        case .finishing, .ended: return []
        }
    }

    private mutating func breakOff(_ failure: Failure) -> [Action] {
        let release = release
        phase = .ended
        return release + [.breakOff(failure), .end(.failed(failure))]
    }

    /// What is to be let go of when the exchange goes no further than this phase.
    private var release: [Action] {
        switch phase {
        case .queued, .waitingInQueue: [.stopWaiting]
        case .attempt, .waiting, .relay: [.abortAttempt]
        case .body, .finishing, .ended: []
        }
    }

    private mutating func finish() -> [Action] {
        phase = .finishing
        return [.finish]
    }

    private mutating func clientLeft(_ end: End) -> [Action] {
        switch phase {
        case .finishing: return over(failure.map { .failed($0) } ?? end)
        case .ended: return []
        default:
            let release = release
            return release + over(end)
        }
    }

    private mutating func over(_ end: End) -> [Action] {
        phase = .ended
        return [.end(end)]
    }
}
