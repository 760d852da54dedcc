// One request to an executor: which connection carries it, and when it moves to another one without a failure.
internal import Transport

/// What carries an attempt at the moment: a dial, a connection, or a stream of a connection.
protocol AttemptCarrier: AnyObject {
    /// As in `ExecutorStream`.
    func setReading(_ reading: Bool)
    /// As in `ExecutorStream`.
    func setReadLimit(_ bytes: Int)
    /// The attempt is cancelled: its request ends at the executor in this turn of the loop.
    func cancel(_ attempt: ExecutorAttempt)
}

/// A request and the handler of its response.
///
/// Confined to its worker. Two failures are repaired here and not reported to the handler. If the executor has closed
/// an idle connection in the meantime, the request moves to a fresh connection, once. If the executor refuses a request
/// without having looked at it, the request moves to another connection, up to `movesMax` times.
final class ExecutorAttempt: ExecutorStream, TimerTarget {
    /// How often an executor may refuse a request before the attempt fails.
    private static let movesMax = 4

    private let client: ExecutorClient
    /// The request; it is released once it can no longer be sent again.
    private(set) var request: ExecutorRequest
    /// Nil once the attempt has ended.
    var handler: (any ExecutorStreamHandler)?
    /// What carries the request now.
    var carrier: (any AttemptCarrier)?
    /// The connection has served before, so the executor may have closed it while the request was on its way.
    var isReused = false
    /// Bytes have arrived since the request was handed to the connection.
    var hasReceived = false
    /// `requestSent` has been called.
    var isSentReported = false
    private var moves = 0
    /// The request has moved to a fresh connection once.
    ///
    /// A second time would not help if the executor closes every connection.
    private var isRetriedOnFresh = false
    /// The failure that `failLater` reports.
    private var pendingFailure: ExecutorFailure?

    init(client: ExecutorClient, request: ExecutorRequest, handler: any ExecutorStreamHandler) {
        self.client = client
        self.request = request
        self.handler = handler
    }

    /// The connection has failed the attempt: it moves to another connection, or its handler is notified.
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

    /// Reports a failure that is known inside of `send` only in the timers' phase of the same turn, so that the handler
    /// is not called from inside of its own call.
    func failLater(_ failure: ExecutorFailure) {
        pendingFailure = failure
        _ = client.loop.timers.schedule(at: client.loop.now, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard let failure = pendingFailure else { return }
        pendingFailure = nil
        failed(failure)
    }

    /// The kernel has taken the whole request.
    func reportSent() {
        guard !isSentReported else { return }
        isSentReported = true
        handler?.requestSent()
    }

    /// The response is whole.
    func ended() {
        carrier = nil
        let last = handler
        handler = nil
        last?.responseEnded()
    }

    /// Releases the request: it has gone out, its response has begun, and it cannot be sent again.
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
