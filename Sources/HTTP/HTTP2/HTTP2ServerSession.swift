// HTTP/2 to one client, on nghttp2. Callbacks record; the loop's flush phase sends (nghttp2 is not re-entrant).
internal import CNghttp2
internal import Transport

/// One session.
///
/// Confined to the worker of its connection.
@safe
final class HTTP2ServerSession: ServerProtocol {
    static let streamWindow: Int32 = 256 << 10
    static let connectionWindow: Int32 = 1 << 20
    /// What one flush hands to TLS at most; a connection with more has its next turn.
    static let flushMax = 128 << 10
    /// What the library takes for the limit of streams: it never reaches it.
    private static let libraryStreamsMax: UInt32 = 0x7fff_ffff
    /// How many refused streams may wait for their resets to be taken: what comes with a few reads.
    private static let refusedMax = 4096
    static let settingsAckTimeout: Nanoseconds = 10_000_000_000
    /// After the shutdown notice the client has this long to open what it had already decided to (RFC 9113 6.8).
    static let noticePeriod: Nanoseconds = 1_000_000_000
    static let brokenMax: Nanoseconds = 1_000_000_000

    let connection: ServerConnection
    var session: OpaquePointer?
    /// The streams, found by id: nghttp2 keeps no pointers of ours.
    var streams: [Int32: HTTP2ServerStream] = [:]
    /// Of `streams`, those that were refused and whose reset the client has not taken yet.
    var refusedStreams = 0
    /// The stream whose header fields come in: no other stream's come between them.
    var receiving: HTTP2ServerStream?
    /// The stream that was last looked up while sending: nghttp2 asks three times for each frame.
    var recent: HTTP2ServerStream?
    var abuse: HTTP2Abuse
    var isOnStack = false
    /// Our SETTINGS have been handed over.
    var isGreeted = false
    var isDraining = false
    var isGoingAway = false
    /// Nothing is read any more: the connection ends with this turn's flush.
    var isFatal = false
    /// Why, where the client is to blame.
    var fault: HTTP2Fault?
    var isEnded = false
    var preamble: [UInt8] = []

    var frames = HTTP2FrameReader()
    var history = HTTP2StreamHistory()
    /// The header block that comes in.
    ///
    /// Private: it is asked with each field (decision 0024).
    private var block: HTTP2HeaderBlock
    /// Bytes of bodies that came on streams now closed and that no handler can take any more.
    var orphaned = 0

    var settingsDue: Nanoseconds
    var headersDue: Nanoseconds = .max
    var noticeDue: Nanoseconds = .max
    var idleDue: Nanoseconds = .max
    /// Streams that are to be reset when they have not ended by then.
    var ending: [(stream: HTTP2ServerStream, due: Nanoseconds)] = []
    /// Streams whose output has just run dry in this flush and that are to be reset for it.
    var drySince: [HTTP2ServerStream] = []
    /// Streams that had bytes sent in this flush: their handlers hear of it after.
    var moved: [HTTP2ServerStream] = []

    init(connection: ServerConnection) {
        self.connection = connection
        let now = connection.channel.loop.now
        abuse = HTTP2Abuse(trusted: connection.client.trusted, now: now)
        settingsDue = now + Self.settingsAckTimeout
        block = HTTP2HeaderBlock(
            fieldsMax: connection.settings.headerCountMax,
            bytesMax: connection.settings.headerBytesMax,
            isTrusted: connection.client.trusted,
            now: now
        )
        var made: OpaquePointer?
        let library = connection.environment.library
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let result = unsafe nghttp2_session_server_new2(&made, library.callbacks, context, library.options)
        precondition(result == 0, "nghttp2: out of memory")
        unsafe session = made
    }

    deinit {
        precondition(!isOnStack, "session destroyed from inside one of its callbacks")
        unsafe nghttp2_session_del(session)
    }

    var channel: Channel { connection.channel }
    var now: Nanoseconds { connection.channel.loop.now }
    /// Streams whose request head is whole and which were not refused: one whose header block is still arriving is
    /// counted, or refused, at its end.
    var activeStreams: Int { streams.count - refusedStreams - (receiving == nil ? 0 : 1) }

    // MARK: Start

    func start() {
        submitSettings()
        unsafe nghttp2_session_set_local_window_size(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            0,
            Self.connectionWindow
        )
        idleBegins()
        channel.mark()
    }

    /// The connection was HTTP/1.1 until now: its request is stream 1, its settings came in a field.
    func start(upgrading request: UpgradedRequest) {
        preamble = request.preamble
        let isHEAD: CInt = request.head.method == .head ? 1 : 0
        let result = unsafe request.settings.withUnsafeBufferPointer {
            unsafe nghttp2_session_upgrade2(session, $0.baseAddress, $0.count, isHEAD, nil)
        }
        start()
        guard result == 0 else {
            fail(.violation(NGHTTP2_PROTOCOL_ERROR))
            return
        }
        // On servers upgrade2 calls no on_begin_headers.
        let stream = HTTP2ServerStream(server: self, connection: connection, id: 1)
        stream.builder = nil
        stream.isRequestWhole = true
        stream.isHEAD = request.head.method == .head
        streams[1] = stream
        idleDue = .max
        history.opened(1)
        history.endedByClient(1)
        makeIncremental(1)
        // Its body and settings came with HTTP/1.1, which was charged for them.
        guard stream.admit(headOf: request.head.footprint) else {
            refuse(stream)
            connection.delegate.refusedForMemory(on: connection)
            return
        }
        stream.adopt(connection.delegate.handler(for: request.head.upgraded(), on: stream))
        // It came with HTTP/1.1, outside of all windows: nothing is owed for it.
        if !request.body.isEmpty, !stream.isFinished { stream.handler?.requestBody(request.body.span) }
        if !stream.isClosed { requestEnded(stream) }
    }

    func submitSettings() {
        let settings = connection.settings
        var entries = [
            nghttp2_settings_entry(
                settings_id: CInt(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue),
                value: Self.libraryStreamsMax
            ),
            nghttp2_settings_entry(
                settings_id: CInt(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(Self.streamWindow)
            ),
            nghttp2_settings_entry(
                settings_id: CInt(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(settings.headerBytesMax)
            ),
            nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1),
        ]
        let result = unsafe nghttp2_submit_settings(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            &entries,
            entries.count
        )
        precondition(result == 0, "nghttp2 refused our settings")
    }

    /// Our SETTINGS as the library makes them, with the number of streams that the client may open in place of the
    /// library's: one stream too many is then ours to refuse, where the library would end the connection.
    func greeting(_ frame: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var bytes = unsafe Array(frame)
        let start = HTTP2FrameReader.headerSize
        let isSettings = bytes.count >= start + 6 && bytes[3] == UInt8(NGHTTP2_SETTINGS.rawValue)
        precondition(isSettings && bytes[start + 1] == UInt8(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue))
        let most = UInt32(connection.settings.streamsMax)
        for index in 0..<4 { bytes[start + 2 + index] = UInt8(truncatingIfNeeded: most >> (24 - 8 * UInt32(index))) }
        return bytes
    }

    // MARK: Receiving

    func receive(_ bytes: Span<UInt8>) {
        precondition(!isOnStack, "nghttp2 is not re-entrant")
        var used = 0
        while used < bytes.count, !isFatal, !isEnded {
            let rest = bytes.extracting(used..<bytes.count)
            switch frames.next(rest) {
            case .wait: used = bytes.count
            case .bytes(let count, let header):
                used += count
                guard header.map({ isToBeFed($0) }) ?? true else { continue }
                let start = header == nil ? 0 : HTTP2FrameReader.headerSize
                feed(rest.extracting(0..<count), payload: rest.extracting(start..<count))
            case .header(let whole, let header, let taken):
                used += taken
                if isToBeFed(header) { feed(whole.span, payload: Span()) }
            }
        }
        block.settle(isOpen: headersDue != .max, fields: receiving?.builder?.footprint ?? 0, on: connection.account)
        channel.mark()
    }

    /// Judges a frame, and fails the connection for one that is a fault of the client's.
    private func isToBeFed(_ header: HTTP2FrameHeader) -> Bool {
        switch judge(header) {
        case .feed: return true
        case .skip: return false
        case .fail(let fault):
            fail(fault)
            return false
        }
    }

    /// Hands bytes of one frame to the library, once the fields in them are counted.
    private func feed(_ bytes: Span<UInt8>, payload: Span<UInt8>) {
        switch block.payload(payload, now: now) {
        case .fine: break
        case .tooMuch: return fail(.headerFields)
        case .malformed: return fail(.violation(NGHTTP2_COMPRESSION_ERROR))
        }
        isOnStack = true
        let consumed = unsafe bytes.withUnsafeBufferPointer {
            unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
        }
        isOnStack = false
        guard consumed < 0, !isFatal else { return }
        // After these the library queues no GOAWAY of its own.
        switch consumed {
        case Int(NGHTTP2_ERR_FLOODED.rawValue): fail(.frames)
        case Self.tooManyContinuations: fail(.headerFields)
        default: fail(isAbusive ? .headerFields : .violation(NGHTTP2_PROTOCOL_ERROR))
        }
    }

    /// What is to be done with a frame before the library sees it.
    private enum Judgement {
        case feed
        /// It has been answered here. Only for frames that came whole.
        case skip
        case fail(HTTP2Fault)
    }

    /// What the library does not judge: too many frames that ask for nothing, and frames that come too late.
    private func judge(_ header: HTTP2FrameHeader) -> Judgement {
        if let stream = block.continuing, header.type != HTTP2FrameHeader.continuation || header.stream != stream {
            return .fail(.violation(NGHTTP2_PROTOCOL_ERROR))
        }
        // The frame is judged by what came before it, and remembered after.
        if header.type != HTTP2FrameHeader.continuation { headersDue = .max }
        block.frame(header)
        let isOpen = streams[header.stream] != nil
        defer {
            if header.endsStream || header.type == HTTP2FrameHeader.resetStream { history.endedByClient(header.stream) }
        }
        switch header.type {
        case HTTP2FrameHeader.headers:
            if let code = history.fault(ofFrameOn: header.stream, isOpen: isOpen) { return .fail(.violation(code)) }
            // A block that no stream takes is decoded for nothing.
            guard !isOpen, isGoingAway || !history.isNew(header.stream) else { return .feed }
            return abuse.controlFrame(now: now) ? .feed : .fail(.frames)
        case HTTP2FrameHeader.data:
            if !abuse.data(isEmpty: header.length == 0 && !header.endsStream) { return .fail(.emptyFrames) }
            return history.fault(ofFrameOn: header.stream, isOpen: isOpen).map { .fail(.violation($0)) } ?? .feed
        case HTTP2FrameHeader.continuation: return .feed
        default: break
        }
        // The old priorities are not used (RFC 9113 section 5.3), but what is malformed in them is an error still.
        if header.type == HTTP2FrameHeader.priority, header.stream == 0 || header.number == header.stream {
            return .fail(.violation(NGHTTP2_PROTOCOL_ERROR))
        }
        guard abuse.controlFrame(now: now) else { return .fail(.frames) }
        let isWindowUpdate = header.type == HTTP2FrameHeader.windowUpdate && header.length == 4
        guard isWindowUpdate, header.number == 0, header.stream > 0 else { return .feed }
        return judgeEmptyUpdate(of: header.stream, isOpen: isOpen)
    }

    /// An increment of 0 is the stream's error (RFC 9113 section 6.9), for which the library would end the connection.
    private func judgeEmptyUpdate(of id: Int32, isOpen: Bool) -> Judgement {
        guard id % 2 == 1, !history.isNew(id) else { return .fail(.violation(NGHTTP2_PROTOCOL_ERROR)) }
        if isOpen {
            // Counted when it is sent.
            let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
            unsafe nghttp2_submit_rst_stream(session, none, id, NGHTTP2_PROTOCOL_ERROR.rawValue)
        } else if !abuse.resetSent(now: now) {
            return .fail(.causedResets)
        }
        return .skip
    }

    static let tooManyContinuations = -905
    static let streamViolation: StaticString = "HTTP/2: the stream broke the protocol"
    var isAbusive = false

    /// Ends the connection for a fault of the client's, with a GOAWAY in this turn's flush: no frame is read after it.
    func fail(_ fault: HTTP2Fault) {
        guard !isFatal else { return }
        self.fault = fault
        end(fault.code, saying: fault.words)
    }

    /// Ends the connection with a GOAWAY of this code, in this turn's flush.
    func end(_ code: nghttp2_error_code, saying words: StaticString? = nil) {
        guard !isFatal else { return }
        isFatal = true
        guard let words else {
            unsafe nghttp2_session_terminate_session(session, code.rawValue)
            channel.mark()
            return
        }
        unsafe nghttp2_submit_goaway(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            nghttp2_session_get_last_proc_stream_id(session),
            code.rawValue,
            words.utf8Start,
            words.utf8CodeUnitCount
        )
        channel.mark()
    }

    /// From inside a callback: the connection goes once nghttp2 has returned.
    func abusive() -> CInt {
        isAbusive = true
        return CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }

    func beginHeaders(_ frame: nghttp2_frame) -> CInt {
        headersDue = now + connection.settings.headerTimeout
        armDeadline()
        // Else it is trailers.
        guard unsafe frame.headers.cat == NGHTTP2_HCAT_REQUEST else { return 0 }
        let id = unsafe frame.hd.stream_id
        // Refused for memory, again and again, by a client that takes none of our resets.
        if refusedStreams > Self.refusedMax { fail(.causedResets) }
        let stream = HTTP2ServerStream(server: self, connection: connection, id: id)
        streams[id] = stream
        receiving = stream
        idleDue = .max
        history.opened(id)
        makeIncremental(id)
        return 0
    }

    /// Siblings take turns (RFC 9218 section 10): by default nghttp2 sends the first stream to exhaustion.
    ///
    /// A `priority` field of the client's, which the library reads itself, has the last word.
    func makeIncremental(_ id: Int32) {
        var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
        unsafe nghttp2_session_change_extpri_stream_priority(session, id, &priority, 0)
    }

    func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        guard block.decoded(name: name, value: value, now: now) else { return abusive() }
        // Trailers are of no use to us: they are counted, and nothing is kept of them.
        if let stream = receiving, stream.id == id {
            let isCrumb = stream.builder?.add(name: name, value: value, settings: connection.settings) ?? false
            if isCrumb { block.wasCrumb() }
        }
        return 0
    }

    func frameReceived(_ frame: nghttp2_frame) -> CInt {
        let ended = unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
        switch unsafe UInt32(frame.hd.type) {
        case NGHTTP2_HEADERS.rawValue:
            headersDue = .max
            receiving = nil
            guard let stream = unsafe streams[frame.hd.stream_id] else { return 0 }
            if stream.builder != nil {
                begin(stream, ended: ended)
            } else if block.isTooLarge {
                refuseTrailers(of: stream)
                return 0
            }
            if ended { requestEnded(stream) }
        case NGHTTP2_DATA.rawValue:
            guard ended, let stream = unsafe streams[frame.hd.stream_id] else { return 0 }
            requestEnded(stream)
        case NGHTTP2_SETTINGS.rawValue:
            if unsafe frame.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 { settingsDue = .max }
        default: break
        }
        return 0
    }

    func begin(_ stream: HTTP2ServerStream, ended: Bool) {
        guard let builder = stream.builder else { return }
        stream.builder = nil
        stream.isRequestWhole = ended
        stream.isHEAD = builder.method == .head
        guard activeStreams <= connection.settings.streamsMax else {
            refuse(stream)
            // Counted here, and not when it is sent: a client that reads nothing is sent nothing.
            if !abuse.resetSent(now: now) { fail(.causedResets) }
            return
        }
        guard stream.admit(headOf: builder.footprint) else {
            refuse(stream)
            connection.delegate.refusedForMemory(on: connection)
            return
        }
        if let fault = builder.fault(isSecure: connection.isSecure, isTrusted: connection.client.trusted) {
            refuse(stream, status: fault.status, fault.message)
            return
        }
        stream.adopt(connection.delegate.handler(for: builder.head(ended: ended), on: stream))
    }

    /// The connection may not hold another stream: nothing was done for the request, and it may come again.
    private func refuse(_ stream: HTTP2ServerStream) {
        stream.isRefused = true
        stream.isBroken = true
        refusedStreams += 1
        unsafe nghttp2_submit_rst_stream(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            stream.id,
            NGHTTP2_REFUSED_STREAM.rawValue
        )
    }

    /// The trailers are more than a head may be: 431 as on HTTP/1.1, unless the answer has begun.
    private func refuseTrailers(of stream: HTTP2ServerStream) {
        let message = "the trailer section is too large"
        stream.isRequestWhole = true
        guard !stream.isHeadSent, let handler = stream.handler else { return requestEnded(stream) }
        if handler.requestBroke(status: 431, message: message) { return }
        stream.handler = nil
        handler.clientLeft(.violation(Self.streamViolation))
        refuse(stream, status: 431, message)
    }

    /// An answer without a handler: nobody else watches whether the client takes it.
    private func refuse(_ stream: HTTP2ServerStream, status: Int, _ message: String) {
        ending.append((stream, now + connection.settings.idleTimeout))
        armDeadline()
        connection.delegate.refusal(status: status, message: message, on: stream)
    }

    func requestEnded(_ stream: HTTP2ServerStream) {
        stream.isRequestWhole = true
        // After a whole answer the body is dropped: a handler that has not heard all of it does not hear of its end.
        if !stream.isFinished { stream.handler?.requestEnded() }
    }

    func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) -> CInt {
        guard let stream = streams[id], let handler = stream.handler, !stream.isBroken, !stream.isFinished else {
            // A stream that is answered gets no new window: what its client may still send is bounded.
            if streams[id]?.isFinished == true {
                unsafe nghttp2_session_consume_connection(session, bytes.count)
            } else {
                unsafe nghttp2_session_consume(session, id, bytes.count)
            }
            return 0
        }
        stream.unconsumed += bytes.count
        handler.requestBody(bytes)
        return 0
    }

    /// A header block that is invalid never comes to `frameReceived`.
    ///
    /// The reset that answers it is counted when it is sent.
    func invalidFrame() -> CInt {
        headersDue = .max
        return 0
    }

    func stream(_ id: Int32) -> HTTP2ServerStream? {
        if let recent, recent.id == id { return recent }
        recent = streams[id]
        return recent
    }

    func streamClosed(_ id: Int32, code: UInt32) -> CInt {
        recent = nil
        // Another one's header fields may still be coming in.
        if receiving?.id == id { receiving = nil }
        guard let stream = streams.removeValue(forKey: id) else { return 0 }
        if stream.isRefused { refusedStreams -= 1 }
        if streams.isEmpty { idleBegins() }
        stream.isClosed = true
        stream.bytesLost = stream.output.count
        stream.output.removeAll()
        stream.letGoOfMemory()
        orphaned += stream.unconsumed
        ending.removeAll { $0.stream === stream }
        let handler = stream.handler
        stream.handler = nil
        if stream.isEndSent {
            handler?.responseFinished()
            return 0
        }
        let fault = isFatal ? fault : nil
        let end: ClientEnd = stream.isResetByUs ? .violation(Self.streamViolation) : .reset(code)
        handler?.clientLeft(fault.map { .violation($0.words) } ?? end)
        // This callback must not fail (nghttp2 leaks what it was closing): the connection goes after the call.
        if !stream.isResetByUs, !isFatal, !abuse.resetReceived(now: now) { fail(.resets) }
        return 0
    }
}
