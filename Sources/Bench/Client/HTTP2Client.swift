// The bench's HTTP/2 client, which carries many streams, with flow-control windows so large that they never slow the
// server.
internal import CNghttp2
internal import HTTP
internal import Transport

/// One connection to the measured server.
///
/// Confined to the thread of its event loop.
@safe
final class HTTP2Client: HTTP2Session, ClientConnection, ChannelHandler {
    private static let window: Int32 = 1 << 30

    private let channel: Channel
    private let target: BenchTarget
    private var streams: [Int32: ClientStream] = [:]
    /// Streams that were opened before the connection was established.
    private var waiting: [ClientStream] = []
    /// Streams whose RST_STREAM is queued but not written yet.
    private var resetting: [ClientStream] = []
    private(set) var endReason: String?
    private var isClosed: Bool { endReason != nil }
    private var hasSettings = false
    private var isGoingAway = false
    /// When the bytes that are being processed were read from the socket.
    private var receivedAt: Nanoseconds = 0

    init(channel: Channel, target: BenchTarget, library: HTTP2Library) {
        self.channel = channel
        self.target = target
        super.init(.client, library: library)
        channel.attach(self)
    }

    var isUsable: Bool { !isClosed && !isGoingAway }

    var streamsAllowed: Int? {
        guard hasSettings else { return nil }
        let allowed = unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
        return Int(allowed)
    }

    var streamsOpen: Int { streams.count + waiting.count }

    // MARK: Streams

    func open(_ stream: ClientStream) {
        guard !isClosed else { return }
        guard channel.isEstablished else {
            waiting.append(stream)
            return
        }
        submit(stream)
    }

    private func submit(_ stream: ClientStream) {
        let request = stream.request
        var fields = FieldBlock()
        fields.append(name: ":method", value: request.method)
        fields.append(name: ":scheme", value: target.isSecure ? "https" : "http")
        fields.append(name: ":authority", value: target.authority)
        fields.append(name: ":path", value: request.path)
        for field in request.fields { fields.append(name: field.name, value: field.value) }
        if !request.body.isEmpty { fields.append(.contentLength, request.body.count) }
        var provider = unsafe Self.bodyProvider
        var id: Int32 = -1
        unsafe HTTP2Fields.with(fields) { pairs, count in
            unsafe id =
                request.body.isEmpty
                ? nghttp2_submit_request(session, nil, pairs, count, nil, nil)
                : nghttp2_submit_request(session, nil, pairs, count, &provider, nil)
        }
        guard id > 0 else {
            isGoingAway = true
            stream.finish(.cut("no stream ids left"))
            return
        }
        stream.id = id
        streams[id] = stream
        channel.mark()
    }

    func reset(_ stream: ClientStream) {
        stream.handler = nil
        guard !isClosed, streams[stream.id] === stream else { return }
        submitReset(stream.id, NGHTTP2_CANCEL)
        resetting.append(stream)
        channel.mark()
    }

    func close() {
        guard !isClosed else { return }
        endReason = "the client closed the connection"
        for stream in streams.values { stream.handler = nil }
        streams = [:]
        waiting = []
        channel.close()
    }

    // MARK: The channel

    func channelOpened(_ channel: Channel) {
        guard !channel.isSecure || channel.negotiatedHTTP2 else {
            fail("the server does not speak h2")
            return
        }
        submitSettings(
            [(NGHTTP2_SETTINGS_ENABLE_PUSH, 0), (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(Self.window))],
            connectionWindow: Self.window
        )
        let all = waiting
        waiting = []
        for stream in all { submit(stream) }
        channel.mark()
    }

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        guard !isClosed else { return }
        receivedAt = Clock.monotonicNow()
        let result = receiveFrames(bytes)
        guard result >= 0 else {
            let reason = unsafe String(cString: nghttp2_strerror(CInt(result)))
            fail("HTTP/2: \(reason)")
            return
        }
        if wantsWrite { channel.mark() }
    }

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard !isClosed else { return }
        if !resetting.isEmpty {
            let now = Clock.monotonicNow()
            for stream in resetting { stream.resetAt = now }
            resetting = []
        }
        _ = sendFrames(into: scratch)
        if scratch.count >= Self.flushBytesMax { channel.mark() }
    }

    func channel(_ channel: Channel, ended end: ChannelEnd) { fail(end.wording) }
    func channelDrained(_ channel: Channel) {}
    func channelReleased(_ channel: Channel) {}

    private func fail(_ reason: String) {
        guard !isClosed else { return }
        endReason = reason
        let all = Array(streams.values) + waiting
        streams = [:]
        waiting = []
        channel.close()
        for stream in all { stream.finish(.cut(reason)) }
    }

    // MARK: Callbacks of nghttp2

    override func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt {
        // In a response, only the field `:status` has a name that begins with a colon, so the first byte identifies the
        // field.
        guard name.count == 7, name[0] == 0x3A, value.count == 3 else { return 0 }
        var status = 0
        for index in value.indices { status = status * 10 + Int(value[index] &- 0x30) }
        guard status >= 200 else { return 0 }
        streams[id]?.handler?.responded(status: status)
        return 0
    }

    override func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) {
        streams[id]?.handler?.received(bytes, at: receivedAt)
    }

    override func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.finish(code == NGHTTP2_NO_ERROR.rawValue ? .whole : .reset(code))
    }

    override func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {
        let type = unsafe UInt32(frame.pointee.hd.type)
        if type == NGHTTP2_GOAWAY.rawValue { isGoingAway = true }
        if type == NGHTTP2_SETTINGS.rawValue, unsafe frame.pointee.hd.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
            hasSettings = true
        }
    }

    override func readData(
        stream id: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        flags: UnsafeMutablePointer<UInt32>
    ) -> Int {
        guard let stream = streams[id] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let step = min(buffer.count, stream.bodyLimit - stream.bodySent)
        guard step > 0 else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let sent = stream.bodySent
        unsafe stream.request.body.withUnsafeBytes {
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + step]))
        }
        stream.bodySent += step
        if stream.bodySent == stream.bodySize {
            unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
            stream.releaseBody()
        }
        return step
    }
}
