// The client side of HTTP/2, on nghttp2: many streams, windows so large that the bench never holds the server back.
internal import CNghttp2
internal import HTTP
internal import Transport

/// One connection.
///
/// Confined to the loop's thread.
@safe
final class HTTP2Client: ClientConnection, ChannelHandler {
    private static let window: Int32 = 1 << 30
    private static let flushMax = 128 << 10

    private let channel: Channel
    private let target: BenchTarget
    private let environment: HTTP2ClientEnvironment
    private var session: OpaquePointer?
    private var streams: [Int32: ClientStream] = [:]
    /// Opened before the handshake was done.
    private var waiting: [ClientStream] = []
    /// RST_STREAM is queued for them and not yet written.
    private var resetting: [ClientStream] = []
    private var isOnStack = false
    private var isClosed = false
    private var isGoingAway = false
    private var receivedAt: Nanoseconds = 0

    init(channel: Channel, target: BenchTarget, environment: HTTP2ClientEnvironment) {
        self.channel = channel
        self.target = target
        self.environment = environment
        var made: OpaquePointer?
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        let result = unsafe nghttp2_session_client_new2(
            &made,
            environment.library.callbacks,
            context,
            environment.library.options
        )
        precondition(result == 0, "nghttp2: out of memory")
        unsafe session = made
        channel.attach(self)
    }

    deinit {
        precondition(!isOnStack, "session destroyed from inside one of its callbacks")
        unsafe nghttp2_session_del(session)
    }

    var isUsable: Bool { !isClosed && !isGoingAway }

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
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.read_callback = HTTP2ClientEnvironment.readBody
        let request = stream.request
        let pseudo = [
            (name: ":method", value: request.method), (name: ":scheme", value: target.isSecure ? "https" : "http"),
            (name: ":authority", value: target.authority), (name: ":path", value: request.path),
        ]
        var length: [(name: String, value: String)] = []
        if !request.body.isEmpty { length.append(("content-length", String(request.body.count))) }
        let id = unsafe Self.withFields(pseudo + request.fields + length) { fields, count in
            if request.body.isEmpty {
                unsafe nghttp2_submit_request(session, nil, fields, count, nil, nil)
            } else {
                unsafe nghttp2_submit_request(session, nil, fields, count, &provider, nil)
            }
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

    /// nghttp2 copies names and values before the call returns.
    private static func withFields(
        _ fields: [(name: String, value: String)],
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> Int32
    ) -> Int32 {
        var flat: [UInt8] = []
        for field in fields {
            flat += field.name.utf8
            flat += field.value.utf8
        }
        return unsafe flat.withUnsafeMutableBufferPointer { bytes in
            var next = bytes.baseAddress!
            let pairs = unsafe fields.map { field in
                let name = unsafe next
                let value = unsafe next + field.name.utf8.count
                unsafe next = value + field.value.utf8.count
                return unsafe nghttp2_nv(
                    name: name,
                    value: value,
                    namelen: field.name.utf8.count,
                    valuelen: field.value.utf8.count,
                    flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue)
                )
            }
            return unsafe pairs.withUnsafeBufferPointer { unsafe body($0.baseAddress!, $0.count) }
        }
    }

    func reset(_ stream: ClientStream) {
        stream.handler = nil
        guard !isClosed, streams[stream.id] === stream else { return }
        unsafe nghttp2_submit_rst_stream(
            session,
            UInt8(NGHTTP2_FLAG_NONE.rawValue),
            stream.id,
            NGHTTP2_CANCEL.rawValue
        )
        resetting.append(stream)
        channel.mark()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
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
        var entries = [
            nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0),
            nghttp2_settings_entry(
                settings_id: CInt(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue),
                value: UInt32(Self.window)
            ),
        ]
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        unsafe nghttp2_submit_settings(session, none, &entries, entries.count)
        unsafe nghttp2_session_set_local_window_size(session, none, 0, Self.window)
        let all = waiting
        waiting = []
        for stream in all { submit(stream) }
        channel.mark()
    }

    func channel(_ channel: Channel, received bytes: Span<UInt8>) {
        guard !isClosed else { return }
        receivedAt = Clock.monotonicNow()
        isOnStack = true
        let consumed = unsafe bytes.withUnsafeBufferPointer {
            unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
        }
        isOnStack = false
        guard consumed >= 0 else {
            let reason = unsafe String(cString: nghttp2_strerror(CInt(consumed)))
            fail("HTTP/2: \(reason)")
            return
        }
        if unsafe nghttp2_session_want_write(session) != 0 { channel.mark() }
    }

    func channelFlush(_ channel: Channel, into scratch: Scratch) {
        guard !isClosed else { return }
        if !resetting.isEmpty {
            let now = Clock.monotonicNow()
            for stream in resetting { stream.resetAt = now }
            resetting = []
        }
        isOnStack = true
        while scratch.count < Self.flushMax {
            var bytes: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(session, &bytes)
            guard count > 0 else { break }
            unsafe scratch.append(UnsafeRawBufferPointer(start: bytes, count: count))
        }
        isOnStack = false
        if scratch.count >= Self.flushMax { channel.mark() }
    }

    func channel(_ channel: Channel, ended end: ChannelEnd) { fail(end.wording) }
    func channelDrained(_ channel: Channel) {}
    func channelReleased(_ channel: Channel) {}

    private func fail(_ reason: String) {
        guard !isClosed else { return }
        isClosed = true
        let all = Array(streams.values) + waiting
        streams = [:]
        waiting = []
        channel.close()
        for stream in all { stream.finish(.cut(reason)) }
    }

    // MARK: What nghttp2 calls

    func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) {
        // `:status` is the one field that begins with a colon.
        guard name.count == 7, name[0] == 0x3A, value.count == 3 else { return }
        var status = 0
        for index in value.indices { status = status * 10 + Int(value[index] &- 0x30) }
        guard status >= 200 else { return }
        streams[id]?.handler?.responded(status: status)
    }

    func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) {
        streams[id]?.handler?.received(bytes, at: receivedAt)
    }

    func streamClosed(_ id: Int32, code: UInt32) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        stream.finish(code == NGHTTP2_NO_ERROR.rawValue ? .whole : .reset(code))
    }

    func goAway() { isGoingAway = true }

    func readBody(stream id: Int32, into buffer: UnsafeMutableRawBufferPointer, flags: UnsafeMutablePointer<UInt32>)
        -> Int
    {
        guard let stream = streams[id] else { return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
        let step = min(buffer.count, stream.bodyLimit - stream.bodySent)
        guard step > 0 else { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
        let sent = stream.bodySent
        unsafe stream.request.body.withUnsafeBytes {
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + step]))
        }
        stream.bodySent += step
        if stream.bodySent == stream.request.body.count { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue }
        return step
    }
}
