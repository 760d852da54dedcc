// An HTTP/2 connection to an executor, which carries many requests at once and sends a PING if the executor is silent.
internal import CNghttp2
internal import Transport

/// One HTTP/2 connection to an executor.
///
/// A connection is used only by its worker thread. Requests are given to nghttp2 only after the executor's SETTINGS
/// have arrived. The SETTINGS show that the executor speaks HTTP/2 and how many requests it accepts at once. Reading
/// from the channel never pauses. If a client is slow, the connection closes only the flow-control window of the stream
/// that carries its request. The extension `+Frames` contains the callbacks of nghttp2, writes the output, and sets the
/// windows of the streams.
@safe
final class HTTP2ExecutorConnection: HTTP2Session, ChannelHandler, TimerTarget, AttemptCarrier {
    /// How many bytes the executor may send before the edge has consumed them (the flow-control windows):
    /// `streamWindow` on one stream, and `connectionWindow` on all streams together.
    static let streamWindow: Int32 = 64 << 10
    static let connectionWindow: Int32 = 1 << 20
    /// The largest number of concurrent streams, even if the executor allows more.
    static let streamsMax = 10_000
    /// The largest response head: its size in bytes by the rule of RFC 9113 section 6.5.2, and its number of fields.
    static let headerBytesMax = 64 << 10
    static let headerCountMax = 200
    /// A header block ends the connection if it has more than this many times `headerCountMax` fields.
    ///
    /// A response head that exceeds its limits by less fails only its stream, as long as the connection's allowance for
    /// such blocks lasts (`HTTP2HeaderBlock`).
    private static let fatalFactor = 100
    /// How long the executor may send nothing while responses are outstanding, before the connection sends a PING.
    static let quietTimeout: Nanoseconds = 10_000_000_000
    /// How long the executor may still send nothing after the connection has sent it a PING.
    ///
    /// The time is long, because a busy executor in Python may read nothing for several seconds.
    static let pingTimeout: Nanoseconds = 20_000_000_000

    let client: ExecutorClient
    let channel: Channel
    var streams: [Int32: HTTP2ExecutorStream] = [:]
    /// Requests that wait for the executor's SETTINGS.
    private var waiting: [ExecutorAttempt] = []
    /// Streams that ended inside a call of nghttp2, and that are reported after the call.
    var finished: [(stream: HTTP2ExecutorStream, end: StreamEnd)] = []
    /// Streams whose whole request has been written to the connection's output buffer.
    ///
    /// Once the kernel has taken these bytes, the handler of each stream gets `requestSent`.
    var sent: [HTTP2ExecutorStream] = []
    /// How many times bytes were received from the socket.
    ///
    /// A stream remembers this number as `readsBefore` when it begins. If the connection fails later, and the numbers
    /// differ, bytes have arrived since the stream began.
    private(set) var reads = 0
    /// Whether the executor's SETTINGS have arrived.
    ///
    /// nghttp2 accepts no other first frame (RFC 9113 section 3.4).
    var hasSettings = false
    /// Whether the requests that waited for the SETTINGS have been submitted.
    private var isReady = false
    /// Whether a request has ended on this connection.
    ///
    /// If so, the connection may have been idle, and the executor may close it before the next request arrives. If this
    /// happens and no bytes have arrived since the request began, the request is sent once more on a new connection.
    private var hasServed = false
    /// Whether the connection accepts no new requests, because the executor has sent GOAWAY, no stream identifiers
    /// are left, or `retire` was called.
    var isRetired = false
    /// Whether the executor has refused a request while it served other requests.
    ///
    /// If so, the connection accepts no new request until one of its streams has ended.
    var isRefusing = false
    private(set) var isClosed = false
    private var frames = HTTP2FrameReader(afterPreface: false)
    /// Counts the fields of the header block that is arriving.
    ///
    /// The fields in all frames of a read are counted before nghttp2 decodes the first frame, so that nghttp2 decodes
    /// no block with far too many fields. `fieldReceived` later adds up the sizes of the decoded fields.
    private var block: HTTP2HeaderBlock
    /// Limits how many header blocks may arrive on streams that have ended.
    ///
    /// A few of them are no fault of the executor: it may have sent them before it learnt that a stream was cancelled.
    private var lateBlocks: HTTP2Allowance
    /// Whether a PING has been submitted and nothing has arrived since.
    private var isPinged = false
    private var lastReceived: Nanoseconds
    private var deadline = Deadline()

    enum StreamEnd {
        case whole
        case failed(ExecutorFailure)
    }

    /// Makes the connection from an open channel (a connected socket).
    init(client: ExecutorClient, channel: Channel) {
        self.client = client
        self.channel = channel
        let now = client.loop.now
        lastReceived = now
        lateBlocks = HTTP2Allowance(burst: 1000, perSecond: 200)
        block = HTTP2HeaderBlock(
            fieldsMax: Self.headerCountMax,
            bytesMax: Self.headerBytesMax,
            fatalFactor: Self.fatalFactor
        )
        super.init(.client, library: client.environment.library)
        channel.attach(self)
    }

    private var now: Nanoseconds { client.loop.now }

    // MARK: Start

    /// Begins HTTP/2, and takes over the requests that waited for the connection.
    func start(for attempts: [ExecutorAttempt]) {
        submitSettings(
            [
                (NGHTTP2_SETTINGS_ENABLE_PUSH, 0),
                (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(Self.streamWindow)),
                (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(Self.headerBytesMax)),
            ],
            connectionWindow: Self.connectionWindow
        )
        deadline.set(now + client.settings.connectTimeout, on: client.loop, target: self, kind: 0)
        for attempt in attempts { begin(attempt) }
        channel.mark()
    }

    /// Whether the connection can take another request now.
    var hasRoom: Bool {
        guard !isClosed, !isRetired, !isRefusing else { return false }
        return isReady ? streams.count < streamsAllowed : waiting.count < ExecutorClient.dialStreamsMax
    }

    private var streamsAllowed: Int {
        let allowed = unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return min(Int(allowed), Self.streamsMax)
    }

    /// Submits the requests that waited for the executor's SETTINGS, as many as the executor accepts.
    private func becomeReady() {
        guard !isReady, !isClosed else { return }
        isReady = true
        deadline.clear()
        let all = waiting
        waiting = []
        for attempt in all where attempt.handler != nil {
            if hasRoom {
                begin(attempt)
            } else if streams.isEmpty {
                // The executor accepts no requests at all on this connection. The request counts as refused, because
                // an attempt fails after a few refusals. If refusals were not counted, the attempt could cause new
                // connections forever.
                attempt.failed(.refused)
            } else {
                client.place(attempt)
            }
        }
        if streams.isEmpty { becameIdle() }
    }

    /// Moves requests to other connections, after the executor has lowered its limit of concurrent streams.
    ///
    /// Requests that exceed the limit and whose HEADERS have not been sent count as refused. nghttp2 would keep them
    /// until the executor has room for them, which may never happen.
    private func moveRequestsWithoutRoom() {
        guard !isClosed, isReady, streams.count > streamsAllowed else { return }
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
        guard isReady else {
            waiting.append(attempt)
            attempt.carrier = self
            return
        }
        let id = submit(attempt.request)
        guard id > 0 else {
            // No stream identifiers are left (RFC 9113 section 5.1.1).
            retire()
            client.place(attempt)
            return
        }
        attempt.isReused = hasServed
        let stream = HTTP2ExecutorStream(connection: self, id: id, attempt: attempt, readsBefore: reads)
        streams[id] = stream
        attempt.carrier = stream
        // The deadline is set only for the first request. If each request set the deadline again, a dead connection
        // that keeps getting new requests would never be detected.
        if streams.count == 1 { watch() }
        channel.mark()
    }

    private func submit(_ request: ExecutorRequest) -> Int32 {
        var provider = unsafe Self.bodyProvider
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

    /// Resets the stream in this turn of the event loop.
    func cancel(_ stream: HTTP2ExecutorStream) {
        forget(stream)
        guard !isClosed else { return }
        submitReset(stream.id, NGHTTP2_CANCEL)
        channel.mark()
    }

    /// Removes a stream that has ended or is cancelled, so that the connection has room for another stream.
    func forget(_ stream: HTTP2ExecutorStream) {
        stream.attempt = nil
        guard streams.removeValue(forKey: stream.id) != nil else { return }
        hasServed = true
        isRefusing = false
        if streams.isEmpty { becameIdle() }
    }

    // MARK: Receiving

    func channelOpened(_ channel: Channel) {}

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        guard !isClosed else { return }
        if reads == 0 { client.remember(channel) }
        reads += 1
        lastReceived = now
        isPinged = false
        channel.acknowledgeLate()
        if let fault = fault(in: bytes) {
            broke(fault)
            return
        }
        let result = receiveFrames(bytes)
        reportFinished()
        if result < 0 {
            broke(unsafe String(cString: nghttp2_strerror(CInt(result))))
            return
        }
        if hasSettings { becomeReady() }
        moveRequestsWithoutRoom()
        if wantsWrite { channel.mark() }
        endIfDone()
    }

    /// Counts the fields of header blocks before nghttp2 decodes them, including blocks for unknown streams.
    ///
    /// - Returns: the reason why the connection must end; nil if it may continue.
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
            if let begun, let fault = fault(ofFrame: begun) { return fault }
            switch block.payload(rest.extracting(start..<step), now: now) {
            case .fine: continue
            case .tooMuch: return "too many header fields"
            case .malformed: return "a header block is not HPACK"
            }
        }
        return nil
    }

    /// Checks the header of one frame.
    ///
    /// - Returns: the reason why the connection must end; nil if it may continue.
    @inline(__always)
    private func fault(ofFrame header: HTTP2FrameHeader) -> String? {
        // The SETTINGS of this connection disable server push, and the executor gets the SETTINGS before any request.
        if header.type == HTTP2FrameHeader.pushPromise { return "a push that was not allowed" }
        block.frame(header)
        let isLate = header.type == HTTP2FrameHeader.headers && streams[header.stream] == nil
        return isLate && !lateBlocks.take(now: now) ? "too many header blocks on streams that are over" : nil
    }

    // MARK: Ends

    /// Fails all attempts on the connection, because the connection has ended.
    ///
    /// Even if no SETTINGS frame has arrived, the failure does not say that the executor lacks HTTP/2 (`noHTTP2`),
    /// because the executor may only be restarting.
    func channel(_ channel: Channel, ended end: ChannelEnd) { fail(nil) }

    func channelReleased(_ channel: Channel) { fail(nil) }

    /// Closes the connection, because the executor breaks the rules of HTTP/2.
    ///
    /// Until `becomeReady` has processed the executor's SETTINGS, the failure is `noHTTP2`, because the executor does
    /// not seem to speak HTTP/2.
    func broke(_ reason: String = "the executor broke the protocol") {
        fail(isReady ? .violation("HTTP/2: \(reason)") : .noHTTP2)
    }

    /// Accepts no new requests, and closes the connection after the requests that are under way.
    func retire() {
        isRetired = true
        endIfDone()
    }

    /// Closes the connection if it accepts no new requests (`isRetired`) and no request is under way.
    func endIfDone() {
        guard isRetired, streams.isEmpty, waiting.isEmpty, !isClosed else { return }
        fail(nil)
    }

    /// Closes the connection at once, and fails every attempt.
    ///
    /// - Parameter failure: the failure of all attempts. If nil, the connection has ended, and the failure of each
    ///   attempt depends on whether its response head has arrived.
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
            if stream.isHeadReported || reads != stream.readsBefore { attempt.hasReceived = true }
            attempt.failed(failure ?? (stream.isHeadReported ? .closedInResponse : .closedBeforeHead))
        }
        for attempt in unsent { attempt.failed(failure ?? .closedBeforeHead) }
    }

    // MARK: Deadlines

    private func becameIdle() {
        guard !isClosed else { return }
        if isRetired {
            // The connection is closed later, when the event loop writes output. It cannot be closed here, because the
            // caller may be a callback of nghttp2 or a loop over the streams.
            channel.mark()
            return
        }
        isPinged = false
        deadline.set(now + client.settings.idleTimeout, on: client.loop, target: self, kind: 0)
    }

    /// Sets the deadline at which the connection sends a PING if the executor has sent nothing by then.
    ///
    /// Does nothing if a PING is already outstanding (`isPinged`), because that PING has its own deadline.
    private func watch() {
        guard !isPinged else { return }
        deadline.set(now + Self.quietTimeout, on: client.loop, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        guard deadline.fired(on: client.loop, target: self, kind: kind), !isClosed else { return }
        guard isReady else {
            fail(.connectTimeout)
            return
        }
        guard !streams.isEmpty else {
            retire()
            return
        }
        if isPinged {
            fail(nil)
        } else if now >= lastReceived + Self.quietTimeout {
            isPinged = true
            unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil)
            channel.mark()
            deadline.set(now + Self.pingTimeout, on: client.loop, target: self, kind: 0)
        } else {
            deadline.set(lastReceived + Self.quietTimeout, on: client.loop, target: self, kind: 0)
        }
    }

    // MARK: AttemptCarrier, for attempts that wait for the SETTINGS

    func setReading(_ reading: Bool) {}
    func setReadLimit(_ bytes: Int) {}
    func cancel(_ attempt: ExecutorAttempt) { waiting.removeAll { $0 === attempt } }

    // MARK: Callbacks of nghttp2 that the extension implements (Swift allows no override in an extension)

    override func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        fieldReceived(stream: id, name: name, value: value)
    }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) { unsafe frameArrived(frame) }

    override func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) { bodyReceived(stream: id, bytes) }

    override func streamClosed(_ id: Int32, code: UInt32) { streamEnded(id, code: code) }

    override func frameSent(_ frame: UnsafePointer<nghttp2_frame>) { unsafe frameWentOut(frame) }

    override func frameNotSent(_ frame: UnsafePointer<nghttp2_frame>) { unsafe frameDropped(frame) }

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
