// One request on an HTTP/2 connection to an executor, and as much of its response as has arrived.
internal import CNghttp2
internal import Transport

/// Confined to the worker of its connection, which holds the stream until it ends.
final class HTTP2ExecutorStream: AttemptCarrier {
    let connection: HTTP2ExecutorConnection
    let id: Int32
    var attempt: ExecutorAttempt?
    let isHEAD: Bool
    /// The request's body; nil once it has been sent.
    ///
    /// The attempt keeps it as long as it may have to be sent again.
    var body: (any RequestBodySource)?

    var sentOfBody = 0
    var isRequestSent = false
    /// The HEADERS of the request have been sent.
    var isBegun = false
    /// The connection's number of reads when the request was handed over: with another number, something has arrived
    /// since.
    let readsBefore: Int

    var status = 0
    var fields = FieldBlock()
    var isHeadReported = false
    /// The size of interim heads and trailers, which are dropped: bytes by the rule of RFC 9113 section 6.5.2.
    var discardedWeight = 0
    /// The end of the stream is recorded, and is reported once nghttp2 has returned.
    var hasEnded = false
    var isPaused = false
    /// Bytes that arrived while reading was paused.
    ///
    /// The stream's window opens by this number when reading is resumed.
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

    /// An interim or final head has arrived whole.
    ///
    /// - Returns: how the body is framed; nil for an interim head, which is dropped.
    func finishHead(endsStream: Bool) -> ResponseBody? {
        guard status >= 200 else {
            status = 0
            fields.removeAll()
            return nil
        }
        if endsStream || isHEAD || status == 204 || status == 304 { return ResponseBody.none }
        if let length = fields.string(.contentLength), let count = Int(length) { return .known(count) }
        // END_STREAM marks the end of the body, as the last chunk does on HTTP/1.1.
        return .chunked
    }
}
