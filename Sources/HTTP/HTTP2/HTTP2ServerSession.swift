// HTTP/2 with one client: the state of the connection, and what is done with the bytes that arrive.
internal import CNghttp2
internal import Transport

/// The server's side of one HTTP/2 connection.
///
/// Callbacks of nghttp2 record what has happened; the event loop's flush phase sends. Confined to the worker of its
/// connection. The extensions hold the beginning (`+Start`), the requests (`+Requests`), the responses (`+Output`) and
/// the end (`+Ends`).
@safe
final class HTTP2ServerSession: HTTP2Session, ServerProtocol {
    /// How much a client may send on one stream, and on all together, before a handler has taken it, in bytes.
    static let streamWindow: Int32 = 256 << 10
    static let connectionWindow: Int32 = 1 << 20
    /// How many refused streams may wait for the client to take their resets: as many as a few reads can open.
    private static let refusedMax = 4096
    /// How long the client may take to acknowledge our SETTINGS.
    static let settingsAckTimeout: Nanoseconds = 10_000_000_000
    /// How long after the shutdown notice the client may open streams that it had already decided to open (RFC 9113
    /// section 6.8).
    static let noticePeriod: Nanoseconds = 1_000_000_000
    /// How long a stream that has to end waits for its last output, or for its client, before it is reset.
    static let resetDelay: Nanoseconds = 1_000_000_000
    /// `NGHTTP2_ERR_TOO_MANY_CONTINUATIONS`, which the header of nghttp2 1.52 does not have.
    private static let tooManyContinuations = -905
    /// The reason that the handler and the log get when a stream was reset for a fault of the client.
    static let streamViolation: StaticString = "HTTP/2: the stream broke the protocol"

    /// What is known of the frames that arrive.
    struct Incoming {
        var frames = HTTP2FrameReader()
        var history = HTTP2StreamHistory()
        /// The stream whose request head is arriving; no other frame may come between its parts (RFC 9113 section 4.3).
        var receiving: HTTP2ServerStream?
    }

    /// What the flush phase has to do beside nghttp2's own output.
    struct Outbox {
        /// Bytes that go out before HTTP/2 begins: the 101 after an upgrade.
        var preamble: [UInt8] = []
        var areSettingsSent = false
        /// Bytes of request bodies on closed streams: they are given back to the connection's window.
        var bytesOfClosedStreams = 0
        /// Broken streams whose last output went out in this flush, and which are reset in the same flush.
        var streamsToReset: [HTTP2ServerStream] = []
        /// Streams that sent DATA in this flush; their handlers are notified after it.
        var movedStreams: [HTTP2ServerStream] = []
    }

    /// How far the connection has come on its way to its end.
    struct Ending {
        /// The shutdown notice has been submitted.
        var isDraining = false
        /// The final GOAWAY has been submitted: the connection closes after its last stream.
        var isGoingAway = false
        /// No frame is read any more: the connection closes with this turn's flush.
        var isFatal = false
        /// Why the connection ends, where the client is to blame.
        var fault: HTTP2Fault?
        /// A callback has failed because of the size of a header block.
        var isHeaderBlockTooLarge = false
        /// The connection is gone.
        var isEnded = false
    }

    let connection: ServerConnection
    /// The open streams by their identifiers: nghttp2 keeps no pointers of ours.
    var streams: [Int32: HTTP2ServerStream] = [:]
    /// The stream that was last looked up while sending: nghttp2 asks three times for each DATA frame.
    private var recent: HTTP2ServerStream?
    /// How many of `streams` were refused and wait for the client to take their resets.
    var refusedStreams = 0
    var incoming = Incoming()
    var outbox = Outbox()
    var deadlines: HTTP2ServerDeadlines
    var ending = Ending()
    var abuse: HTTP2Abuse
    /// The header block that is arriving.
    ///
    /// It is private because it is asked with each field: Swift then checks its exclusive access at compile time.
    private var block: HTTP2HeaderBlock

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

    /// Streams whose request head has arrived whole and which were not refused.
    ///
    /// A stream whose head is still arriving is counted, or refused, when the head is whole.
    var activeStreams: Int { streams.count - refusedStreams - (incoming.receiving == nil ? 0 : 1) }

    /// The stream of this identifier, for the callbacks of the flush phase.
    func stream(_ id: Int32) -> HTTP2ServerStream? {
        if let recent, recent.id == id { return recent }
        recent = streams[id]
        return recent
    }

    /// A stream has left `streams`, or all of them have.
    func forgetRecent() { recent = nil }

    // MARK: Bytes

    func receive(_ bytes: Span<UInt8>) {
        var used = 0
        while used < bytes.count, !ending.isFatal, !ending.isEnded {
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
        let kept = incoming.receiving?.builder?.footprint ?? 0
        block.settle(isOpen: deadlines.headers != .max, fields: kept, on: connection.account)
        channel.mark()
    }

    /// Hands bytes of one frame to nghttp2, once the header fields in them have been counted.
    private func feed(_ bytes: Span<UInt8>, payload: Span<UInt8>) {
        switch block.payload(payload, now: now) {
        case .fine: break
        case .tooMuch: return fail(.headerFields)
        case .malformed: return fail(.violation(NGHTTP2_COMPRESSION_ERROR))
        }
        let result = receiveFrames(bytes)
        guard result < 0, !ending.isFatal else { return }
        // After these errors nghttp2 queues no GOAWAY of its own.
        switch result {
        case Int(NGHTTP2_ERR_FLOODED.rawValue): fail(.frames)
        case Self.tooManyContinuations: fail(.headerFields)
        default: fail(ending.isHeaderBlockTooLarge ? .headerFields : .violation(NGHTTP2_PROTOCOL_ERROR))
        }
    }

    // MARK: Frames, before nghttp2 reads them

    /// What is to be done with a frame.
    private enum FrameVerdict {
        case feed
        /// The frame has been answered here and is dropped. Only for frames that arrived whole.
        case skip
        case fail(HTTP2Fault)
    }

    /// Whether a frame goes to nghttp2.
    ///
    /// A frame that is a fault of the client ends the connection.
    private func isAccepted(_ header: HTTP2FrameHeader) -> Bool {
        switch classify(header) {
        case .feed: return true
        case .skip: return false
        case .fail(let fault):
            fail(fault)
            return false
        }
    }

    /// Checks what nghttp2 does not check: too many frames that ask for nothing, and frames on streams that are closed.
    private func classify(_ header: HTTP2FrameHeader) -> FrameVerdict {
        if let stream = block.continuing, header.type != HTTP2FrameHeader.continuation || header.stream != stream {
            return .fail(.violation(NGHTTP2_PROTOCOL_ERROR))
        }
        if header.type != HTTP2FrameHeader.continuation { deadlines.headers = .max }
        block.frame(header)
        let isOpen = streams[header.stream] != nil
        // The frame is classified by what came before it, so the history learns of it last.
        defer {
            if header.endsStream || header.type == HTTP2FrameHeader.resetStream {
                incoming.history.endedByClient(header.stream)
            }
        }
        switch header.type {
        case HTTP2FrameHeader.headers: return classifyHeaders(on: header.stream, isOpen: isOpen)
        case HTTP2FrameHeader.data:
            if !abuse.data(isEmpty: header.length == 0 && !header.endsStream) { return .fail(.emptyFrames) }
            let code = incoming.history.fault(ofFrameOn: header.stream, isOpen: isOpen)
            return code.map { .fail(.violation($0)) } ?? .feed
        case HTTP2FrameHeader.continuation: return .feed
        default: return classifyControl(header, isOpen: isOpen)
        }
    }

    @inline(__always)
    private func classifyHeaders(on id: Int32, isOpen: Bool) -> FrameVerdict {
        if let code = incoming.history.fault(ofFrameOn: id, isOpen: isOpen) { return .fail(.violation(code)) }
        // A header block that belongs to no stream is decoded for nothing, and so counts as a control frame.
        guard !isOpen, ending.isGoingAway || !incoming.history.isNew(id) else { return .feed }
        return abuse.controlFrame(now: now) ? .feed : .fail(.frames)
    }

    /// Checks a frame that carries neither a header block nor a body.
    @inline(__always)
    private func classifyControl(_ header: HTTP2FrameHeader, isOpen: Bool) -> FrameVerdict {
        // The priorities of RFC 7540 are not used (RFC 9113 section 5.3), but a malformed PRIORITY is still an error.
        if header.type == HTTP2FrameHeader.priority, header.stream == 0 || header.number == header.stream {
            return .fail(.violation(NGHTTP2_PROTOCOL_ERROR))
        }
        guard abuse.controlFrame(now: now) else { return .fail(.frames) }
        let isWindowUpdate = header.type == HTTP2FrameHeader.windowUpdate && header.length == 4
        guard isWindowUpdate, header.number == 0, header.stream > 0 else { return .feed }
        return classifyZeroIncrement(of: header.stream, isOpen: isOpen)
    }

    /// A WINDOW_UPDATE with an increment of 0 is an error of the stream (RFC 9113 section 6.9); nghttp2 would end the
    /// connection for it.
    private func classifyZeroIncrement(of id: Int32, isOpen: Bool) -> FrameVerdict {
        guard id % 2 == 1, !incoming.history.isNew(id) else { return .fail(.violation(NGHTTP2_PROTOCOL_ERROR)) }
        if isOpen {
            // The reset is counted when it is sent.
            submitReset(id, NGHTTP2_PROTOCOL_ERROR)
        } else if !abuse.resetSent(now: now) {
            return .fail(.causedResets)
        }
        return .skip
    }

    // MARK: Header blocks, as nghttp2 decodes them

    override func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) {
        deadlines.headers = now + connection.settings.headerTimeout
        armDeadline()
        // Any other block is trailers.
        guard unsafe frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST else { return }
        let id = unsafe frame.pointee.hd.stream_id
        // The client is refused for memory again and again, and takes none of our resets.
        if refusedStreams > Self.refusedMax { fail(.causedResets) }
        let stream = HTTP2ServerStream(server: self, connection: connection, id: id)
        streams[id] = stream
        incoming.receiving = stream
        deadlines.idle = .max
        incoming.history.opened(id)
        makeIncremental(id)
    }

    override func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        guard block.decoded(name: name, value: value, now: now) else {
            ending.isHeaderBlockTooLarge = true
            return CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
        }
        // Trailers are counted, and none of them is kept.
        if let stream = incoming.receiving, stream.id == id {
            let isCrumb = stream.builder?.add(name: name, value: value, settings: connection.settings) ?? false
            if isCrumb { block.wasCrumb() }
        }
        return 0
    }

    /// A header block is invalid, and `frameReceived` is not called for it.
    ///
    /// The reset that answers it is counted when it is sent.
    override func invalidFrameReceived() { deadlines.headers = .max }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let header = unsafe frame.pointee.hd
        let ended = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch UInt32(header.type) {
        case NGHTTP2_HEADERS.rawValue:
            deadlines.headers = .max
            incoming.receiving = nil
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

    // MARK: Callbacks that the extensions answer (Swift allows no override in an extension)

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
