// The HTTP side of one attempt: the connection that carries the request to the executor, and when the request is sent
// on another connection instead.
internal import Transport

/// The connection or stream on which an attempt is under way: an `ExecutorDial` (a connection that is being opened), an
/// HTTP/1.1 connection, or an HTTP/2 stream.
protocol AttemptCarrier: AnyObject {
    /// Pauses or resumes reading the response from the executor.
    func setReading(_ reading: Bool)
    /// Sets how many bytes of the response may arrive at once.
    ///
    /// On HTTP/1.1, the number limits each read from the socket. On HTTP/2, it is the flow-control window of the
    /// stream.
    func setReadLimit(_ bytes: Int)
    /// Cancels the attempt, and ends its request at the executor in this turn of the event loop.
    func cancel(_ attempt: ExecutorAttempt)
}

/// A request to an executor (one model at one engine), and the handler of its response.
///
/// An attempt is used only by its worker thread. Two failures are not reported to the handler. If the executor closes a
/// reused connection before it answers, the request is sent again on a new connection, once. If the executor refuses a
/// request without processing it, the request is sent on another connection, up to `movesMax` times.
final class ExecutorAttempt: ExecutorStream, TimerTarget {
    /// How many times the request is sent on another connection because the executor has refused it without processing
    /// it.
    ///
    /// If the executor refuses the request once more, the attempt fails.
    private static let movesMax = 4

    private let client: ExecutorClient
    /// The request, which is kept because it may have to be sent again on another connection.
    ///
    /// Once that is impossible, `letGoOfRequest` releases its body and its fields.
    private(set) var request: ExecutorRequest
    /// The handler of the response; nil after the attempt has ended.
    var handler: (any ExecutorStreamHandler)?
    /// The connection or stream on which the attempt is under way.
    ///
    /// The value is nil while the request waits for another connection, and after the attempt has ended.
    var carrier: (any AttemptCarrier)?
    /// Whether the connection was used for an earlier request.
    ///
    /// If so, the executor may close the connection as idle while this request is on its way.
    var isReused = false
    /// Whether the connection has received bytes since the request was given to it.
    var hasReceived = false
    /// Whether the handler's `requestSent` has been called.
    var isSentReported = false
    private var moves = 0
    /// Whether the request was already sent again on a new connection, because the executor had closed the old one.
    ///
    /// A request is sent again only once, because the executor may close the new connection as well.
    private var isRetriedOnFresh = false
    /// The failure that `failLater` will report; nil if there is none.
    private var pendingFailure: ExecutorFailure?

    init(client: ExecutorClient, request: ExecutorRequest, handler: any ExecutorStreamHandler) {
        self.client = client
        self.request = request
        self.handler = handler
    }

    /// Handles a failure: sends the request on another connection, or reports the failure to the handler.
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

    /// Reports a failure to the handler later, when the event loop next runs its timers.
    ///
    /// `ExecutorClient.send` uses this for a failure that it finds itself, because the handler must not be called
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

    /// Tells the handler, once, that the kernel has accepted the whole request for sending.
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
    /// The body and the fields are not needed any more, because a request is never sent again once its response has
    /// begun.
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
