// One attempt on a keep-alive HTTP/1.1 connection, or on a second one when the first was stale.
internal import Transport

/// One request and its answer over such a connection.
///
/// A stale connection is replaced once, unseen.
final class HTTP1ExecutorStream: ExecutorStream, TimerTarget {
    private let client: ExecutorClient
    private(set) var request: ExecutorRequest
    var handler: (any ExecutorStreamHandler)?
    var connection: HTTP1ExecutorConnection?
    /// The connection had served before: the executor may have closed it while the request was on its way.
    var isReused = false
    var hasReceived = false
    var isSentReported = false
    private var pendingFailure: ExecutorFailure?

    init(client: ExecutorClient, request: ExecutorRequest, handler: any ExecutorStreamHandler) {
        self.client = client
        self.request = request
        self.handler = handler
    }

    func failed(_ failure: ExecutorFailure) {
        if isReused, !hasReceived, case .closedBeforeHead = failure {
            isReused = false
            client.connect(self)
            return
        }
        let last = handler
        handler = nil
        last?.attemptFailed(failure)
    }

    /// Failures that are known inside `send` are told in the timers' phase of the same turn, not inside the call.
    func failLater(_ failure: ExecutorFailure) {
        pendingFailure = failure
        _ = client.loop.timers.schedule(at: client.loop.now, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard let failure = pendingFailure else { return }
        failed(failure)
    }

    /// The request has gone out and its answer has begun: nothing will be sent again.
    func letGoOfRequest() {
        request.body = nil
        request.fields.removeAll()
    }

    func setReading(_ reading: Bool) { connection?.setReading(reading) }
    func setReadLimit(_ bytes: Int) { connection?.setReadLimit(bytes) }

    func cancel() {
        handler = nil
        connection?.close()
        connection = nil
    }
}
