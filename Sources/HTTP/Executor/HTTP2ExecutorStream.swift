// One request on an HTTP/2 connection to an executor, and what has come of its answer.
internal import CNghttp2
internal import Transport

/// Confined to its connection, which holds it until it ends.
final class HTTP2ExecutorStream: AttemptCarrier {
    let connection: HTTP2ExecutorConnection
    let id: Int32
    var attempt: ExecutorAttempt?
    let isHEAD: Bool
    /// Nil once it has been sent; the attempt keeps it for as long as it may have to be sent again.
    var body: (any RequestBodySource)?

    var sentOfBody = 0
    var isRequestSent = false
    /// Its HEADERS have gone out.
    var isBegun = false
    /// What the connection had read when the request was handed over.
    let readsBefore: Int

    var status = 0
    var fields = FieldBlock()
    var isHeadTold = false
    /// What its interim heads and trailers were in bytes, by the rule of RFC 9113 section 6.5.2.
    var unusedWeight = 0
    /// Its end is recorded, and told once nghttp2 has returned.
    var hasEnded = false
    var isPaused = false
    /// Bytes whose window is to be given back once reading goes on.
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

    // MARK: Its head

    /// The interim or final head is whole.
    ///
    /// - Returns: how its body is framed; nil for an interim one, which is dropped.
    func finishHead(endsStream: Bool) -> ResponseBody? {
        guard status >= 200 else {
            status = 0
            fields.removeAll()
            return nil
        }
        if endsStream || isHEAD || status == 204 || status == 304 { return ResponseBody.none }
        if let length = fields.string(.contentLength), let count = Int(length) { return .known(count) }
        // Its end is marked: what the words of HTTP/1.1 call chunked.
        return .chunked
    }
}
