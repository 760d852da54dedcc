// An HTTP/2 connection to an executor, on nghttp2: many requests at once. Callbacks record, the flush phase sends.
internal import CNghttp2
internal import Transport

/// Confined to its worker.
///
/// Requests are handed to nghttp2 only once the executor has sent its SETTINGS: then it is known to speak HTTP/2, and how
/// many it takes at once. Reading never pauses: a stream that its client does not take holds back its own window alone.
@safe
final class HTTP2ExecutorConnection: ChannelHandler, TimerTarget, AttemptCarrier {
    static let streamWindow: Int32 = 64 << 10
    static let connectionWindow: Int32 = 1 << 20
    /// What one flush hands over at most; a connection with more has its next turn.
    static let flushMax = 128 << 10
    /// What the executor may ask us to keep in mind, whatever it allows itself.
    static let streamsMax = 10_000
    static let headerBytesMax = 64 << 10
    static let headerCountMax = 200
    /// A stream whose head is too large fails by itself, and nghttp2 drops the rest of the block at a small cost: only a
    /// block of so many times a head takes the connection with it.
    private static let fatalFactor = 100
    /// An executor that says nothing at all for so long while it owes answers is asked whether it is there (PING).
    static let silenceMax: Nanoseconds = 10_000_000_000
    /// And has so long to say anything.
    ///
    /// A Python executor may be deaf for seconds while it is busy.
    static let pingMax: Nanoseconds = 20_000_000_000

    let client: ExecutorClient
    let channel: Channel
    var session: OpaquePointer?
    var streams: [Int32: HTTP2ExecutorStream] = [:]
    /// Requests that came before the executor's SETTINGS.
    private var waiting: [ExecutorAttempt] = []
    /// Streams that ended inside a call to nghttp2: told after it.
    var finished: [(stream: HTTP2ExecutorStream, end: StreamEnd)] = []
    /// Streams whose request went out whole in this flush.
    var sent: [HTTP2ExecutorStream] = []
    private(set) var reads = 0
    /// The executor's SETTINGS have come: nghttp2 takes nothing else for its first frame (RFC 9113 section 3.4).
    var hasSettings = false
    private var isGreeted = false
    /// A request that it carried is over: it may have been idle since, and its executor gone.
    private var hasServed = false
    /// No new requests: it has sent GOAWAY, has no ids left, or is wanted no more.
    var isRetired = false
    /// It has just refused a request while it had others.
    private var isRefusing = false
    private(set) var isClosed = false
    var isOnStack = false
    private var frames = HTTP2FrameReader(afterPreface: false)
    /// The header block that comes in, by its fields alone: all frames of a read are counted before the library decodes one.
    ///
    /// How large fields are is counted by their streams.
    private var block: HTTP2HeaderBlock
    /// Header blocks on streams that are over: a few of each that we have left may be on their way.
    private var lateBlocks: TokenBucket
    private var isPinged = false
    private var lastHeard: Nanoseconds
    private var deadline = Deadline()

    enum StreamEnd {
        case whole
        case failed(ExecutorFailure)
    }

    /// Takes over a channel that is open.
    init(client: ExecutorClient, channel: Channel) {
        self.client = client
        self.channel = channel
        lastHeard = client.loop.now
        lateBlocks = TokenBucket(burst: 1000, perSecond: 200, now: client.loop.now)
        block = HTTP2HeaderBlock(
            fieldsMax: Self.headerCountMax,
            bytesMax: Self.headerBytesMax,
            fatalFactor: Self.fatalFactor,
            now: client.loop.now
        )
        var made: OpaquePointer?
        let library = client.environment.library
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let result = unsafe nghttp2_session_client_new2(&made, library.callbacks, context, library.options)
        precondition(result == 0, "nghttp2: out of memory")
        unsafe session = made
        channel.attach(self)
    }

    deinit {
        precondition(!isOnStack, "session destroyed from inside one of its callbacks")
        unsafe nghttp2_session_del(session)
    }

    private var now: Nanoseconds { client.loop.now }

    // MARK: Start

    func start(for attempts: [ExecutorAttempt]) {
        submitSettings()
        deadline.set(now + client.settings.connectTimeout, on: client.loop, target: self, kind: 0)
        for attempt in attempts { begin(attempt) }
        channel.mark()
    }

    private func submitSettings() {
        var entries = [
            nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: CInt(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(Self.streamWindow)
            ),
            nghttp2_settings_entry(
                settings_id: CInt(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue),
                value: UInt32(Self.headerBytesMax)
            ),
        ]
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        let result = unsafe nghttp2_submit_settings(session, none, &entries, entries.count)
        precondition(result == 0, "nghttp2 refused our settings")
        unsafe nghttp2_session_set_local_window_size(session, none, 0, Self.connectionWindow)
    }

    /// A request may be given to it now.
    var hasRoom: Bool {
        guard !isClosed, !isRetired, !isRefusing else { return false }
        return isGreeted ? streams.count < streamsAllowed : waiting.count < ExecutorClient.dialStreamsMax
    }

    private var streamsAllowed: Int {
        let allowed = unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return min(Int(allowed), Self.streamsMax)
    }

    /// The executor's SETTINGS are there: what waited goes out, as many as it takes.
    private func greet() {
        guard !isGreeted, !isClosed else { return }
        isGreeted = true
        deadline.clear()
        let all = waiting
        waiting = []
        for attempt in all where attempt.handler != nil {
            if hasRoom {
                begin(attempt)
            } else if streams.isEmpty {
                // It takes none at all: counted, so that nobody dials for ever.
                attempt.failed(.refused)
            } else {
                client.place(attempt)
            }
        }
        if streams.isEmpty { becameIdle() }
    }

    /// What the executor takes no more, once it has lowered how many streams it takes, goes elsewhere as if refused.
    ///
    /// The library would keep requests whose HEADERS have not gone out until there is room, which may be never.
    private func moveWhatHasNoRoom() {
        guard !isClosed, isGreeted, streams.count > streamsAllowed else { return }
        let begun = streams.values.count { $0.isBegun }
        let unsent = streams.values.filter { !$0.isBegun }.sorted { $0.id < $1.id }
        for stream in unsent.dropFirst(max(0, streamsAllowed - begun)) {
            guard let attempt = stream.attempt else { continue }
            cancel(stream)
            attempt.failed(.refused)
        }
    }

    // MARK: Requests

    func begin(_ attempt: ExecutorAttempt) {
        guard isGreeted else {
            waiting.append(attempt)
            attempt.carrier = self
            return
        }
        let id = submit(attempt.request)
        guard id > 0 else {
            // No stream ids left (RFC 9113 section 5.1.1): this connection has done its work.
            retire()
            client.place(attempt)
            return
        }
        attempt.isReused = hasServed
        let stream = HTTP2ExecutorStream(connection: self, id: id, attempt: attempt, readsBefore: reads)
        streams[id] = stream
        attempt.carrier = stream
        // Once, not with each request: or a dead connection to which requests keep coming would never be found out.
        if streams.count == 1 { watch() }
        channel.mark()
    }

    private func submit(_ request: ExecutorRequest) -> Int32 {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.read_callback = HTTP2ExecutorCallbacks.readBody
        let hasBody = (request.body?.length ?? 0) > 0
        var id: Int32 = -1
        unsafe HTTP2Fields.withRequest(request, isSecure: channel.isSecure) { fields, count in
            unsafe id =
                hasBody
                ? nghttp2_submit_request(session, nil, fields, count, &provider, nil)
                : nghttp2_submit_request(session, nil, fields, count, nil, nil)
        }
        return id
    }

    /// Resets the stream: the executor hears of it in this turn.
    func cancel(_ stream: HTTP2ExecutorStream) {
        forget(stream)
        guard !isClosed else { return }
        unsafe nghttp2_submit_rst_stream(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            stream.id,
            NGHTTP2_CANCEL.rawValue
        )
        channel.mark()
    }

    /// The stream's place is free.
    private func forget(_ stream: HTTP2ExecutorStream) {
        stream.attempt = nil
        guard streams.removeValue(forKey: stream.id) != nil else { return }
        hasServed = true
        isRefusing = false
        if streams.isEmpty { becameIdle() }
    }

    // MARK: Windows

    func giveBack(_ stream: HTTP2ExecutorStream) {
        guard stream.withheld > 0, !isClosed else { return }
        unsafe nghttp2_session_consume_stream(session, stream.id, stream.withheld)
        stream.withheld = 0
        channel.mark()
    }

    func setWindow(of stream: HTTP2ExecutorStream, to bytes: Int) {
        guard !isClosed else { return }
        let size = Int32(clamping: min(bytes, Int(Self.streamWindow)))
        unsafe nghttp2_session_set_local_window_size(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream.id, size)
        channel.mark()
    }

    // MARK: Receiving

    func channelOpened(_ channel: Channel) {}

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        guard !isClosed else { return }
        precondition(!isOnStack, "nghttp2 is not re-entrant")
        if reads == 0 { client.remember(channel) }
        reads += 1
        lastHeard = now
        isPinged = false
        channel.acknowledgeLate()
        if let fault = fault(in: bytes) {
            broke(fault)
            return
        }
        isOnStack = true
        let consumed = unsafe bytes.withUnsafeBufferPointer {
            unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
        }
        isOnStack = false
        tellFinished()
        if consumed < 0 {
            broke(unsafe String(cString: nghttp2_strerror(CInt(consumed))))
            return
        }
        if hasSettings { greet() }
        moveWhatHasNoRoom()
        if unsafe nghttp2_session_want_write(session) != 0 { channel.mark() }
        endIfDone()
    }

    /// Counts the fields of header blocks before the library decodes them, wherever they are for.
    ///
    /// - Returns: what ends the connection, if anything does.
    private func fault(in bytes: Span<UInt8>) -> String? {
        var used = 0
        while used < bytes.count {
            let rest = bytes.extracting(used..<bytes.count)
            let begun: HTTP2FrameHeader?
            let step: Int
            let start: Int
            switch frames.next(rest) {
            case .wait: return nil
            case .bytes(let count, let header):
                (begun, step, start) = (header, count, header == nil ? 0 : HTTP2FrameReader.headerSize)
            case .header(_, let header, let taken): (begun, step, start) = (header, taken, taken)
            }
            used += step
            if let begun {
                // We allow none, and say so before anything else.
                if begun.type == HTTP2FrameHeader.pushPromise { return "a push that was not allowed" }
                block.frame(begun)
                let isLate = begun.type == HTTP2FrameHeader.headers && streams[begun.stream] == nil
                if isLate, !lateBlocks.take(now: now) { return "too many header blocks on streams that are over" }
            }
            switch block.payload(rest.extracting(start..<step), now: now) {
            case .fine: continue
            case .tooMuch: return "too many header fields"
            case .malformed: return "a header block is not HPACK"
            }
        }
        return nil
    }

    /// What ended inside nghttp2 is told now: whoever hears of it may send again.
    func tellFinished() {
        guard !finished.isEmpty else { return }
        let all = finished
        finished.removeAll(keepingCapacity: true)
        for (stream, end) in all {
            guard let attempt = stream.attempt else { continue }
            forget(stream)
            attempt.hasReceived = true
            switch end {
            case .whole:
                // An answer before the whole request: the rest of it is not wanted (RFC 9113 section 8.1).
                if !stream.isRequestSent, !isClosed { resetQuietly(stream) }
                attempt.ended()
            case .failed(let failure):
                if case .refused = failure { isRefusing = !streams.isEmpty }
                attempt.failed(failure)
            }
        }
    }

    private func resetQuietly(_ stream: HTTP2ExecutorStream) {
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        unsafe nghttp2_submit_rst_stream(session, none, stream.id, NGHTTP2_NO_ERROR.rawValue)
        channel.mark()
    }

    // MARK: Ends

    /// One that goes away before its SETTINGS has not said what it speaks: it may as well be restarting.
    func channel(_ channel: Channel, ended end: ChannelEnd) { fail(nil) }

    func channelReleased(_ channel: Channel) { fail(nil) }

    /// The executor does not keep to HTTP/2; if it has not even greeted, it never spoke it.
    func broke(_ reason: String = "the executor broke the protocol") {
        fail(isGreeted ? .violation("HTTP/2: \(reason)") : .noHTTP2)
    }

    /// No new requests; it closes after those under way.
    func retire() {
        isRetired = true
        endIfDone()
    }

    func endIfDone() {
        guard isRetired, streams.isEmpty, waiting.isEmpty, !isClosed else { return }
        fail(nil)
    }

    /// Closes at once, and tells those who are concerned: without a failure, that it ended.
    private func fail(_ failure: ExecutorFailure?) {
        guard !isClosed else { return }
        isClosed = true
        deadline.cancel(on: client.loop)
        channel.close()
        client.lost(self)
        let all = streams.values.sorted { $0.id < $1.id }
        streams = [:]
        let unsent = waiting
        waiting = []
        finished = []
        for stream in all {
            guard let attempt = stream.attempt else { continue }
            stream.attempt = nil
            if stream.isHeadTold || reads != stream.readsBefore { attempt.hasReceived = true }
            attempt.failed(failure ?? (stream.isHeadTold ? .closedInResponse : .closedBeforeHead))
        }
        for attempt in unsent { attempt.failed(failure ?? .closedBeforeHead) }
    }

    // MARK: Deadlines

    private func becameIdle() {
        guard !isClosed else { return }
        if isRetired {
            // Not here: this may be inside nghttp2, or inside a loop over streams.
            channel.mark()
            return
        }
        isPinged = false
        deadline.set(now + client.settings.idleTimeout, on: client.loop, target: self, kind: 0)
    }

    /// While answers are owed, silence of the whole connection is looked into.
    private func watch() {
        guard !isPinged else { return }
        deadline.set(now + Self.silenceMax, on: client.loop, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard deadline.fired(on: client.loop, target: self, kind: kind), !isClosed else { return }
        guard isGreeted else {
            fail(.connectTimeout)
            return
        }
        guard !streams.isEmpty else {
            retire()
            return
        }
        if isPinged {
            fail(nil)
        } else if now >= lastHeard + Self.silenceMax {
            isPinged = true
            unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
            channel.mark()
            deadline.set(now + Self.pingMax, on: client.loop, target: self, kind: 0)
        } else {
            deadline.set(lastHeard + Self.silenceMax, on: client.loop, target: self, kind: 0)
        }
    }

    // MARK: AttemptCarrier, for those who wait for the SETTINGS

    func setReading(_ reading: Bool) {}
    func setReadLimit(_ bytes: Int) {}
    func cancel(_ attempt: ExecutorAttempt) { waiting.removeAll { $0 === attempt } }
}
