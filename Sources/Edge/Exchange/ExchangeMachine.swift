// The phases of an exchange as a state machine: it takes an `Event` and returns a short list of actions. It does no I/O
// and reads no clock.
package import Inference

/// Decides what an exchange does next.
///
/// `Exchange` reports each `Event` to the machine and carries out the actions that the machine returns. The relay of
/// one more token changes no phase, so it is no `Event`, and the machine is not called for each token.
/// docs/life-of-an-exchange.md shows the machine as a table; a test compares the table with the machine.
package struct ExchangeMachine: Equatable, Sendable {
    /// How far the exchange has come.
    package enum Phase: CaseIterable, Equatable, Sendable {
        /// The request is being read, decoded and scanned.
        case body
        /// The exchange waits for an executor; the client has been sent nothing.
        case queued
        /// An attempt is under way; the client has been sent nothing.
        case attempt
        /// An attempt is under way; the client has been sent 200 and gets keep-alive bytes.
        case waiting
        /// The exchange waits for another executor; the client has been sent 200 and gets keep-alive bytes.
        case waitingInQueue
        /// The answer is being relayed.
        case relay
        /// The whole response has been passed to the client's stream, but not all of it has been written to the socket
        /// yet.
        case finishing
        case ended
    }

    /// The deadlines whose passing `Exchange` reports to the machine.
    ///
    /// The properties of `Deadlines` describe what each of them limits. `response` is the deadline for a complete
    /// answer to a request that does not ask for a stream.
    package enum DeadlineKind: CaseIterable, Equatable, Sendable {
        case body, response, commit, keepAlive, stall, clientStall
    }

    /// What has happened to the exchange.
    package enum Event: Equatable, Sendable {
        /// The edge has begun to answer the request itself, without an executor.
        case answeredHere
        /// An executor has been chosen for the first or the next attempt.
        case routed
        /// The exchange must wait: all executors are busy, an engine is loading the model, or the retry budget allows
        /// no retry now.
        case queued
        /// The request cannot be served; the failure is to be reported to the client.
        case refused(Failure)
        /// The answer can be relayed: the first event with content, a complete document, or the beginning of a large
        /// document has arrived.
        case answerReady
        /// The complete answer has been relayed.
        ///
        /// A stream is complete after its last event. Any other answer is complete when its HTTP body has ended.
        case complete
        /// The executor's answer reported an error, or ended too early, while it was being relayed.
        case executorBroke(Failure)
        /// The client has closed its stream or its connection.
        case clientLeft
        /// The edge has ended the client's stream or connection because the client broke the protocol, possibly in
        /// another stream of the connection.
        case clientCut(Failure)
        /// The whole response has been written to the client's socket.
        case responseTaken
        case deadlinePassed(DeadlineKind)
        /// The time for draining is over: the server ends now.
        case drainExpired
    }

    /// A step that the machine orders and that `Exchange` carries out.
    package enum Action: Equatable, Sendable {
        case startAttempt
        /// Send the status and the header fields of the executor's answer to the client.
        case commit
        /// Send 200 and the head of a stream or of a JSON document before the executor has answered.
        ///
        /// The client has waited long, and proxies and SDKs close a connection on which nothing arrives for some time.
        case commitSilently
        /// Send bytes without content that keep the connection open: in a stream a comment or a `ping` event, before a
        /// JSON document a space.
        case sendKeepAlive
        /// Send a status with the failure in its body.
        case answer(Failure)
        /// End the client's response cleanly.
        case finish
        /// End the response so that the client can tell that it is incomplete.
        ///
        /// Before the end, a stream gets an error event. A JSON document gets the error as its content, unless a part
        /// of the executor's document has been sent already.
        case breakOff(Failure)
        /// Abort the response to a client that does not read.
        case cutClient
        case abortAttempt
        /// Leave the queue; if the pool still grants an executor afterwards, the exchange gives it back.
        case stopWaiting
        /// The exchange is over.
        ///
        /// Report its end and its tokens to the limits of the API key, or to the limits of requests without a key.
        /// Count and log the exchange, and release its resources.
        case end(End)
    }

    /// How an exchange ended, for the log and the counters.
    package enum End: Equatable, Sendable {
        /// The whole response has been written to the client's socket.
        case complete
        /// The client was sent a failure, or its stream was aborted because of a failure.
        case failed(Failure)
        /// The client closed its stream or its connection before the response was complete.
        case clientLeft
    }

    /// The current phase; only `handle` changes it.
    package private(set) var phase = Phase.body
    /// The failure that is being sent to the client; the exchange ends when the response has been written to the
    /// socket.
    private var failure: Failure?

    /// Makes the machine for an exchange whose request head has just arrived.
    package init() {}

    /// Whether another attempt may follow a failed one; false once a part of the answer has been relayed.
    package var mayRetry: Bool { phase == .attempt || phase == .waiting }

    /// Whether the exchange waits for an executor.
    package var isWaiting: Bool { phase == .queued || phase == .waitingInQueue }

    /// Takes an event and returns the actions to carry out, in order; there are none if the phase ignores the event.
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
        default: return handleInPhase(event)
        }
    }

    /// Handles each event that matters in one or two phases only, and returns the actions.
    @inline(__always)
    private mutating func handleInPhase(_ event: Event) -> [Action] {
        switch (phase, event) {
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

    /// Begins an attempt: the first attempt, an attempt after a wait, or a retry after a failed attempt.
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
        case (.attempt, .response), (.waiting, .response): return fail(Failure(.responseTimeout))
        case (.attempt, .commit):
            phase = .waiting
            return [.commitSilently, .sendKeepAlive]
        case (.queued, .commit):
            phase = .waitingInQueue
            return [.commitSilently, .sendKeepAlive]
        case (.waiting, .keepAlive), (.waitingInQueue, .keepAlive), (.relay, .keepAlive): return [.sendKeepAlive]
        case (.relay, .stall): return fail(Failure(.stall))
        case (.relay, .clientStall), (.finishing, .clientStall):
            let aborts = phase == .relay
            phase = .ended
            return (aborts ? [.abortAttempt] : []) + [.cutClient, .end(.failed(Failure(.clientStalled)))]
        default: return []
        }
    }

    /// Reports a failure to the client: as an error status if no head has been sent, otherwise inside the response.
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

    /// The action that aborts the attempt or leaves the queue, for an exchange that needs no executor any more.
    ///
    /// The array is empty if the exchange has no attempt under way and does not wait in a queue.
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
