// One request on an HTTP/2 connection to an executor, and the part of its response that has arrived.
internal import CNghttp2
internal import Transport

/// The HTTP/2 stream of one request to an executor.
///
/// A stream is used only by the worker thread of its connection. The connection holds the stream until the stream ends.
final class HTTP2ExecutorStream: AttemptCarrier {
    let connection: HTTP2ExecutorConnection
    let id: Int32
    var attempt: ExecutorAttempt?
    let isHEAD: Bool
    /// The body of the request; nil after it has been sent.
    ///
    /// The attempt keeps the body as long as the request may have to be sent again.
    var body: (any RequestBodySource)?

    var sentOfBody = 0
    var isRequestSent = false
    /// Whether the HEADERS frame of the request has been sent.
    var isBegun = false
    /// How many times the connection had received bytes (`HTTP2ExecutorConnection.reads`) when this stream began.
    ///
    /// If the connection's number is now larger, bytes have arrived since then.
    let readsBefore: Int

    var status = 0
    var fields = FieldBlock()
    var isHeadReported = false
    /// The size of the dropped interim heads and trailers, in bytes by the rule of RFC 9113 section 6.5.2.
    var discardedWeight = 0
    /// Whether the stream has ended during a call of nghttp2.
    ///
    /// The attempt learns of the end only after this call has returned.
    var hasEnded = false
    var isPaused = false
    /// The number of bytes that arrived while reading was paused.
    ///
    /// When reading resumes, the flow-control window of the stream opens by this number.
    var withheld = 0

    init(connection: HTTP2ExecutorConnection, id: Int32, attempt: ExecutorAttempt, readsBefore: Int) {
        self.connection = connection
        self.id = id
        self.attempt = attempt
        self.readsBefore = readsBefore
        isHEAD = attempt.request.method == .head
        body = attempt.request.body
    }

    // MARK: AttemptCarrier

    func setReading(_ reading: Bool) {
        isPaused = !reading
        if reading { connection.giveBack(self) }
    }
    func setReadLimit(_ bytes: Int) { connection.setWindow(of: self, to: bytes) }
    func cancel(_ attempt: ExecutorAttempt) { connection.cancel(self) }

    // MARK: The head of the response

    /// Handles an interim or final head that has arrived whole.
    ///
    /// - Returns: how the response body is framed; nil for an interim head, which is dropped.
    func finishHead(endsStream: Bool) -> ResponseBody? {
        guard status >= 200 else {
            status = 0
            fields.removeAll()
            return nil
        }
        if endsStream || isHEAD || status == 204 || status == 304 { return ResponseBody.none }
        if let length = fields.string(.contentLength), let count = Int(length) { return .known(count) }
        // The length of the body is unknown: END_STREAM will mark its end. `chunked` stands for such bodies in both
        // HTTP versions.
        return .chunked
    }
}
