// One request to an executor on its way: which connection carries it, and when it may move to another one unseen.
internal import Transport

/// What has an attempt in hand: a dial, a connection, or a stream of one.
protocol AttemptCarrier: AnyObject {
    func setReading(_ reading: Bool)
    func setReadLimit(_ bytes: Int)
    /// The attempt is given up: what it holds at the executor ends in this turn.
    func cancel(_ attempt: ExecutorAttempt)
}

/// A request and who hears of its answer.
///
/// Two things are mended here, and its handler does not hear of them: a connection that was idle and has been closed by
/// the executor in the meantime (once), and a request that the executor says it has not looked at (a few times).
final class ExecutorAttempt: ExecutorStream, TimerTarget {
    /// How often an executor may say that it has not looked at a request before that is a failure.
    private static let movesMax = 4

    private let client: ExecutorClient
    private(set) var request: ExecutorRequest
    var handler: (any ExecutorStreamHandler)?
    var carrier: (any AttemptCarrier)?
    /// The connection had served before: the executor may have closed it while the request was on its way.
    var isReused = false
    /// Something came back since the request was handed over.
    var hasReceived = false
    var isSentReported = false
    private var moves = 0
    /// It has been given to another connection since its own was closed: an executor that closes them all is no better.
    private var isRetriedOnFresh = false
    private var pendingFailure: ExecutorFailure?

    init(client: ExecutorClient, request: ExecutorRequest, handler: any ExecutorStreamHandler) {
        self.client = client
        self.request = request
        self.handler = handler
    }

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

    /// Failures that are known inside `send` are told in the timers' phase of the same turn, not inside the call.
    func failLater(_ failure: ExecutorFailure) {
        pendingFailure = failure
        _ = client.loop.timers.schedule(at: client.loop.now, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard let failure = pendingFailure else { return }
        pendingFailure = nil
        failed(failure)
    }

    /// The request is with the kernel.
    func reportSent() {
        guard !isSentReported else { return }
        isSentReported = true
        handler?.requestSent()
    }

    /// The answer is whole.
    func ended() {
        carrier = nil
        let last = handler
        handler = nil
        last?.responseEnded()
    }

    /// The request has gone out and its answer has begun: nothing will be sent again.
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
