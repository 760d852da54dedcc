// One attempt at an executor: which connection carries its request, and when the request moves to another connection.
internal import Transport

/// The object that carries an attempt now: an `ExecutorDial`, an HTTP/1.1 connection, or an HTTP/2 stream.
protocol AttemptCarrier: AnyObject {
    /// Pauses or resumes reading the response from the executor.
    func setReading(_ reading: Bool)
    /// Sets how many bytes of the response may arrive at once.
    func setReadLimit(_ bytes: Int)
    /// Cancels the attempt, and ends its request at the executor in this turn of the event loop.
    func cancel(_ attempt: ExecutorAttempt)
}

/// A request to an executor (an engine that runs models), and the handler of its response.
///
/// An attempt is used only by its worker thread. Two failures are not reported to the handler. If the executor has
/// closed an idle connection, the request moves to a new connection, once. If the executor refuses a request without
/// processing it, the request moves to another connection, up to `movesMax` times.
final class ExecutorAttempt: ExecutorStream, TimerTarget {
    /// How many times the request moves to another connection because the executor has refused it.
    ///
    /// If the executor refuses the request once more, the attempt fails.
    private static let movesMax = 4

    private let client: ExecutorClient
    /// The request.
    ///
    /// `letGoOfRequest` releases the body and the fields when the request cannot move to another connection any more.
    private(set) var request: ExecutorRequest
    /// The handler of the response; nil after the attempt has ended.
    var handler: (any ExecutorStreamHandler)?
    /// The dial, the HTTP/1.1 connection or the HTTP/2 stream that carries the attempt now.
    ///
    /// The value is nil while the request moves to another connection, and after the attempt has ended.
    var carrier: (any AttemptCarrier)?
    /// Whether the connection has carried an earlier request.
    ///
    /// If so, the executor may have closed the idle connection while this request was on its way.
    var isReused = false
    /// Whether bytes have arrived since the request was given to the connection.
    var hasReceived = false
    /// Whether the handler's `requestSent` has been called.
    var isSentReported = false
    private var moves = 0
    /// Whether the request has moved to a new connection, because the executor had closed the old connection.
    ///
    /// The request moves for this reason only once, because the executor may close the new connection as well.
    private var isRetriedOnFresh = false
    /// The failure that `failLater` will report; nil if there is none.
    private var pendingFailure: ExecutorFailure?

    init(client: ExecutorClient, request: ExecutorRequest, handler: any ExecutorStreamHandler) {
        self.client = client
        self.request = request
        self.handler = handler
    }

    /// Handles a failure: moves the request to another connection, or reports the failure to the handler.
    func failed(_ failure: ExecutorFailure) {
        carrier = nil
        guard handler != nil else { return }
        switch failure {
        case .closedBeforeHead where isReused && !hasReceived && !isRetriedOnFresh:
            isRetriedOnFresh = true
            isReused = false
            client.place(self, onFresh: true)
        case .refused where moves < Self.movesMax:
            moves += 1
            client.place(self)
        default:
            let last = handler
            handler = nil
            last?.attemptFailed(failure)
        }
    }

    /// Reports a failure to the handler when the event loop next runs its timers.
    ///
    /// Failures inside `ExecutorClient.send` are reported by this function, because the handler must not be called
    /// before `send` has returned.
    func failLater(_ failure: ExecutorFailure) {
        pendingFailure = failure
        _ = client.loop.timers.schedule(at: client.loop.now, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard let failure = pendingFailure else { return }
        pendingFailure = nil
        failed(failure)
    }

    /// Tells the handler, once, that the kernel has taken the whole request.
    func reportSent() {
        guard !isSentReported else { return }
        isSentReported = true
        handler?.requestSent()
    }

    /// Tells the handler that the response is complete.
    func ended() {
        carrier = nil
        let last = handler
        handler = nil
        last?.responseEnded()
    }

    /// Releases the body and the fields of the request.
    ///
    /// They are not needed any more, because a request whose response has begun is never sent again.
    func letGoOfRequest() {
        request.body = nil
        request.fields.removeAll()
    }

    func setReading(_ reading: Bool) { carrier?.setReading(reading) }
    func setReadLimit(_ bytes: Int) { carrier?.setReadLimit(bytes) }

    func cancel() {
        handler = nil
        let last = carrier
        carrier = nil
        last?.cancel(self)
    }
}
