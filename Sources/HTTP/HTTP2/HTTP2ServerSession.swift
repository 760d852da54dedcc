// The HTTP/2 session with one client: its state, and how it handles received bytes and frames.
internal import CNghttp2
internal import Transport

/// The server's side of one HTTP/2 connection.
///
/// Output is sent only in the flush phase of the event loop's turn. A session is used only by the worker thread of its
/// connection. The extensions contain the beginning (`+Start`), the checks of received frames (`+Frames`), the requests
/// (`+Requests`), the responses (`+Output`) and the end (`+Ends`).
@safe
final class HTTP2ServerSession: HTTP2Session, ServerProtocol {
    /// How many bytes a client may send on one stream, and on all streams together, before handlers have consumed
    /// them.
    static let streamWindow: Int32 = 256 << 10
    static let connectionWindow: Int32 = 1 << 20
    /// The largest number of refused streams whose resets have not been sent yet.
    ///
    /// If there are more, the connection ends, because the client opens streams and does not read the server's resets.
    private static let refusedMax = 4096
    /// The largest number of requests that may begin on one connection in one turn of the event loop.
    ///
    /// A client can send a request and its reset in 30 bytes, so one read may contain thousands of requests. To serve
    /// all of them at once would delay the other connections of the worker thread.
    static let requestsPerTurn = 8
    /// The limit in place of `requestsPerTurn` for a client that has lately caused much work (`Channel.yields`).
    ///
    /// The worker serves such clients one after another, after all its other work. The lower limit lets each of them
    /// wait less for the others.
    static let requestsPerTurnYielding = 2
    /// How long the client may take to acknowledge the server's SETTINGS.
    static let settingsAckTimeout: Nanoseconds = 10_000_000_000
    /// How long the client may still open streams after the shutdown notice, the first GOAWAY (RFC 9113 section 6.8).
    ///
    /// Requests may be on their way when the notice is sent.
    static let finalGoawayDelay: Nanoseconds = 1_000_000_000
    /// How long the server waits before it sends the shutdown notice (the first GOAWAY) after a hand-over to a
    /// successor, in nanoseconds.
    ///
    /// The time begins with the first stream that the client opens after the hand-over. The notice only asks the client
    /// to open its next streams on another connection, so it is useless while the client opens no streams. It can even
    /// do harm: some clients, such as those that use Python's `h2`, give up all streams under way when a GOAWAY
    /// arrives.
    static let shutdownNoticeDelay: Nanoseconds = 2_000_000_000
    /// How long the server waits at most, in nanoseconds, before it resets a stream whose response has broken off, or
    /// is complete before the request is.
    ///
    /// In this time, the queued output of a broken response can go out. After a complete response, the client can
    /// finish its request, or read the response before the reset arrives.
    static let resetDelay: Nanoseconds = 1_000_000_000
    /// The value of `NGHTTP2_ERR_TOO_MANY_CONTINUATIONS`, which the header file of nghttp2 1.52 does not define.
    private static let tooManyContinuations = -905
    /// The reason that the handler gets, for the log, when the server ends a stream for a fault of the client.
    static let streamViolation: StaticString = "HTTP/2: the stream broke the protocol"

    /// The state of the session's input: the frame reader, and bytes that the session has not read yet.
    struct Incoming {
        var frames = HTTP2FrameReader()
        /// Received bytes that wait for the next turn of the event loop, because too many requests have begun in this
        /// turn.
        ///
        /// While bytes wait, the session pauses reading from the channel, so all of them come from a single read.
        ///
        /// Processed bytes stay in the array until all bytes are processed, because each removal would copy the bytes
        /// that follow.
        var putOff: [UInt8] = []
        /// How many of the received bytes in `putOff` the session has already processed.
        var putOffUsed = 0
        var putOffCharge = MemoryCharge()
    }

    /// What the flush phase, which sends the output of a turn, has to do besides sending the output of nghttp2.
    struct Outbox {
        /// HTTP/1.1 output that is sent before the first HTTP/2 frame, such as the response 101 after an upgrade.
        var preamble: [UInt8] = []
        var areSettingsSent = false
        /// The number of unconsumed body bytes of closed streams.
        ///
        /// The flush phase gives these bytes back to the connection's flow-control window.
        var bytesOfClosedStreams = 0
        /// Streams with a broken response whose last output has been sent in the flush phase under way.
        ///
        /// These streams are reset before the flush phase ends.
        var streamsToReset: [HTTP2ServerStream] = []
        /// Streams that have sent DATA in the flush phase under way.
        ///
        /// Their handlers are notified at the end of the flush phase.
        var movedStreams: [HTTP2ServerStream] = []
    }

    /// Whether and why the connection ends, and which steps of its shutdown have been taken.
    struct Ending {
        /// Whether the shutdown notice, the first GOAWAY, has been submitted to nghttp2.
        var isDraining = false
        /// Whether a successor process accepts the new connections.
        ///
        /// The session then sends the shutdown notice (the first GOAWAY) once no stream is open, or
        /// `shutdownNoticeDelay` after the client opens one.
        var isHandedOver = false
        /// Whether the final GOAWAY has to be submitted in the next flush phase.
        ///
        /// The GOAWAY names the last stream that has begun. If it were submitted earlier, it could wait for a blocked
        /// socket while the client begins further streams. The client would then send the requests of these streams a
        /// second time.
        var isFinalGoAwayDue = false
        /// Whether the final GOAWAY has been submitted.
        ///
        /// The connection closes after its last stream.
        var isGoingAway = false
        /// Whether the session has stopped reading frames.
        ///
        /// The connection closes in the flush phase of this turn of the event loop.
        var isFatal = false
        /// The client's fault for which the connection ends; nil if the client is not at fault.
        var fault: HTTP2Fault?
        /// Whether a callback has failed because a header block was too large.
        var isHeaderBlockTooLarge = false
        /// Whether the connection has ended.
        var isEnded = false
    }

    let connection: ServerConnection
    /// The open streams by stream identifier.
    ///
    /// nghttp2 stores only the identifiers and no pointers to these objects.
    var streams: [Int32: HTTP2ServerStream] = [:]
    /// The stream that the latest call of `stream(_:)` has found.
    ///
    /// The stream is cached because nghttp2 causes three lookups for each DATA frame.
    private var recent: HTTP2ServerStream?
    /// The number of streams in `streams` that were refused and whose resets have not been sent yet.
    var refusedStreams = 0
    var incoming = Incoming()
    /// The stream whose request head is arriving; nil if there is none.
    ///
    /// No other frame may come between the frames of one head (RFC 9113 section 4.3). This property and the next two
    /// are used for each field or frame. They are stored outside `incoming` so that Swift can check exclusive access to
    /// them at compile time.
    var receiving: HTTP2ServerStream?
    /// How many further requests of this connection may begin in this turn of the event loop.
    var requestsLeft = HTTP2ServerSession.requestsPerTurn
    var history = HTTP2StreamHistory()
    var outbox = Outbox()
    var deadlines: HTTP2ServerDeadlines
    var ending = Ending()
    var abuse: HTTP2Abuse
    /// The header block that is arriving.
    ///
    /// Only this module can use the property, so Swift can check exclusive access to it at compile time. A check at run
    /// time would cost time for each header field.
    var block: HTTP2HeaderBlock

    init(connection: ServerConnection) {
        self.connection = connection
        abuse = HTTP2Abuse(isTrusted: connection.client.trusted)
        deadlines = HTTP2ServerDeadlines(settings: connection.channel.loop.now + Self.settingsAckTimeout)
        block = HTTP2HeaderBlock(
            fieldsMax: connection.settings.headerCountMax,
            bytesMax: connection.settings.headerBytesMax,
            isTrusted: connection.client.trusted
        )
        super.init(.server, library: connection.environment.library)
    }

    var channel: Channel { connection.channel }
    var now: Nanoseconds { connection.channel.loop.now }

    /// The number of streams whose request head has arrived completely and that were not refused.
    ///
    /// A stream whose head is still arriving is not counted.
    var activeStreams: Int { streams.count - refusedStreams - (receiving == nil ? 0 : 1) }

    /// Finds the stream with this identifier, for the callbacks of the flush phase.
    func stream(_ id: Int32) -> HTTP2ServerStream? {
        if let recent, recent.id == id { return recent }
        recent = streams[id]
        return recent
    }

    /// Clears the cached stream, because it may have left `streams`.
    func forgetRecent() { recent = nil }

    // MARK: Bytes

    func receive(_ bytes: Span<UInt8>) {
        guard incoming.putOff.isEmpty else { return keep(bytes) }
        let used = read(bytes)
        guard used < bytes.count else { return }
        keep(bytes.extracting(used..<bytes.count))
        guard !channel.isClosed else { return }
        channel.setReading(false, watchingHangup: true)
        channel.continueNextTurn()
    }

    /// Reads the bytes that were put off in the previous turn of the event loop.
    func continueReceiving() {
        guard !incoming.putOff.isEmpty else { return }
        allowRequests()
        // If a fault is found in the bytes, or the connection ends while they are read, the session drops the rest of
        // them.
        let bytes = incoming.putOff
        let used = incoming.putOffUsed + read(bytes.span.extracting(incoming.putOffUsed..<bytes.count))
        if used < bytes.count, !incoming.putOff.isEmpty {
            incoming.putOffUsed = used
            channel.continueNextTurn()
        } else {
            dropPutOff()
            if !channel.isClosed { channel.setReading(true) }
        }
    }

    /// Sets `requestsLeft` to the number of requests that may begin in one turn of the event loop.
    func allowRequests() {
        requestsLeft = channel.yields ? Self.requestsPerTurnYielding : Self.requestsPerTurn
    }

    /// Keeps bytes for the next turn of the event loop, because too many requests have begun in this turn.
    private func keep(_ bytes: Span<UInt8>) {
        incoming.putOff.append(bytes)
        incoming.putOffCharge.set(incoming.putOff.capacity, on: connection.account)
    }

    /// Releases the bytes that were put off, because all of them have been read or the connection ends.
    func dropPutOff() {
        incoming.putOff = []
        incoming.putOffUsed = 0
        incoming.putOffCharge.set(0, on: connection.account)
    }

    /// Reads frames until no further request may begin in this turn of the event loop.
    ///
    /// - Returns: how many of the bytes need not be read again; if the connection ends, this is all of them.
    private func read(_ bytes: Span<UInt8>) -> Int {
        var used = 0
        while used < bytes.count, !ending.isFatal, !ending.isEnded {
            guard requestsLeft > 0 else { break }
            let rest = bytes.extracting(used..<bytes.count)
            switch incoming.frames.next(rest) {
            case .wait: used = bytes.count
            case .bytes(let count, let header):
                used += count
                guard header.map({ isAccepted($0) }) ?? true else { continue }
                let start = header == nil ? 0 : HTTP2FrameReader.headerSize
                feed(rest.extracting(0..<count), payload: rest.extracting(start..<count))
            case .header(let whole, let header, let taken):
                used += taken
                if isAccepted(header) { feed(whole.span, payload: Span()) }
            }
        }
        let kept = receiving?.builder?.footprint ?? 0
        block.settle(isOpen: deadlines.headers != .max, fields: kept, on: connection.account)
        channel.mark()
        return ending.isFatal || ending.isEnded ? bytes.count : used
    }

    /// Passes bytes of one frame to nghttp2, unless header fields in them exceed a limit or are malformed.
    private func feed(_ bytes: Span<UInt8>, payload: Span<UInt8>) {
        switch block.payload(payload, now: now) {
        case .fine: break
        case .tooMuch: return fail(.headerFields)
        case .malformed: return fail(.violation(NGHTTP2_COMPRESSION_ERROR))
        }
        let result = receiveFrames(bytes)
        guard result < 0, !ending.isFatal else { return }
        // nghttp2 queues no GOAWAY for the errors below, so the session sends a GOAWAY itself.
        switch result {
        case Int(NGHTTP2_ERR_FLOODED.rawValue): fail(.frames)
        case Self.tooManyContinuations: fail(.headerFields)
        default: fail(ending.isHeaderBlockTooLarge ? .headerFields : .violation(NGHTTP2_PROTOCOL_ERROR))
        }
    }

    // MARK: Header blocks, as nghttp2 decodes them

    override func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) {
        deadlines.headers = now + connection.settings.headerTimeout
        armDeadline()
        // A header block that is not a request head contains trailers.
        guard unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return }
        let id = unsafe frame.pointee.hd.stream_id
        // So many unsent resets of refused streams show that the client keeps opening streams and does not read what
        // the server sends.
        if refusedStreams > Self.refusedMax { fail(.causedResets) }
        let stream = HTTP2ServerStream(server: self, connection: connection, id: id)
        streams[id] = stream
        receiving = stream
        requestsLeft -= 1
        connection.countRequest()
        deadlines.idle = .max
        if ending.isHandedOver, !history.isNew(1) { announceEndSoon() }
        history.opened(id)
        makeIncremental(id)
    }

    override func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        guard block.decoded(name: name, value: value, now: now) else {
            ending.isHeaderBlockTooLarge = true
            return CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        // Fields of trailers also count towards the limits on header fields, but they are not stored.
        if let stream = receiving, stream.id == id {
            let isCrumb = stream.builder?.add(
                name: name,
                value: value,
                countMax: block.fieldsMax,
                bytesMax: block.bytesMax
            )
            if isCrumb == true { block.wasCrumb() }
        }
        return 0
    }

    /// nghttp2 calls this for an invalid header block, in place of `frameReceived`.
    ///
    /// nghttp2 then resets the stream. A client that causes too many resets is disconnected; this reset is counted when
    /// it is sent.
    override func invalidFrameReceived() { deadlines.headers = .max }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        let ended = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            deadlines.headers = .max
            receiving = nil
            guard let stream = streams[header.stream_id] else { return }
            if stream.builder != nil {
                begin(stream, ended: ended)
            } else if block.isTooLarge {
                refuseTrailers(of: stream)
                return
            }
            if ended { requestEnded(stream) }
        case NGHTTP2_DATA.rawValue:
            guard ended, let stream = streams[header.stream_id] else { return }
            requestEnded(stream)
        case NGHTTP2_SETTINGS.rawValue:
            if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { deadlines.settings = .max }
        default: break
        }
    }

    // MARK: Callbacks that the extensions implement (Swift allows no override in an extension)

    override func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) { bodyReceived(stream: id, bytes) }

    override func streamClosed(_ id: Int32, code: UInt32) { streamEnded(id, code: code) }

    override func frameSent(_ frame: UnsafePointer<nghttp2_frame>) { unsafe frameWentOut(frame) }

    override func readData(
        stream id: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        flags: UnsafeMutablePointer<UInt32>
    ) -> Int { unsafe bodyLength(stream: id, upTo: buffer.count, flags: flags) }

    override func sendData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int, into scratch: Scratch) -> CInt
    {
        unsafe writeData(stream: id, header: header, length: length, into: scratch)
    }
}
