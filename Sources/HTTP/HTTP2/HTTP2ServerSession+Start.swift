// How an HTTP/2 connection with a client begins: with the server's SETTINGS and, after an upgrade from HTTP/1.1, with
// the request that asked for the upgrade.
internal import CNghttp2
internal import Transport

extension HTTP2ServerSession {
    /// The limit of concurrent streams that the session passes to nghttp2.
    ///
    /// No client can reach this limit, because the session itself enforces `streamsMax`.
    private static let libraryStreamsMax: UInt32 = 0x7fff_ffff

    func start() {
        submitSettings(
            [
                (NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Self.libraryStreamsMax),
                (NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, UInt32(Self.streamWindow)),
                (NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, UInt32(connection.settings.headerBytesMax)),
                (NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
            ],
            connectionWindow: Self.connectionWindow
        )
        idleBegins()
        channel.mark()
    }

    /// Begins HTTP/2 on a connection that was upgraded from HTTP/1.1.
    ///
    /// The request of the upgrade becomes stream 1. The client's SETTINGS came in a header field of that request.
    func start(upgrading request: UpgradedRequest) {
        outbox.preamble = request.preamble
        let isHEAD: CInt = request.head.method == .head ? 1 : 0
        let result = unsafe request.settings.withUnsafeBufferPointer {
            unsafe nghttp2_session_upgrade2(session, $0.baseAddress, $0.count, isHEAD, nil)
        }
        start()
        guard result == 0 else {
            fail(.violation(NGHTTP2_PROTOCOL_ERROR))
            return
        }
        // For a server, `nghttp2_session_upgrade2` does not call `on_begin_headers`, so the stream is made here.
        let stream = HTTP2ServerStream(server: self, connection: connection, id: 1)
        stream.builder = nil
        stream.isRequestWhole = true
        stream.isHEAD = request.head.method == .head
        streams[1] = stream
        deadlines.idle = .max
        history.opened(1)
        history.endedByClient(1)
        makeIncremental(1)
        // Only the memory of the head is charged here. The HTTP/1.1 session was charged for the body and the settings
        // while it received them.
        guard stream.admit(headOf: request.head.footprint) else {
            refuse(stream)
            connection.delegate.refusedForMemory(on: connection)
            return
        }
        stream.adopt(connection.handler(for: request.head.upgraded(), on: stream))
        // The body arrived over HTTP/1.1 and used no flow-control window, so no WINDOW_UPDATE has to be sent for it.
        if !request.body.isEmpty, !stream.isFinished { stream.handler?.requestBody(request.body.span) }
        if !stream.isClosed { requestEnded(stream) }
    }

    /// Makes nghttp2 send the output of all streams in turns (RFC 9218 section 10).
    ///
    /// By default, nghttp2 sends all output of one stream before it sends the next stream.
    ///
    /// A `priority` field of the client still takes precedence, because nghttp2 applies the field itself.
    func makeIncremental(_ id: Int32) {
        var priority = nghttp2_extpri(urgency: UInt32(NGHTTP2_EXTPRI_DEFAULT_URGENCY), inc: 1)
        unsafe nghttp2_session_change_extpri_stream_priority(session, id, &priority, 0)
    }

    /// Replaces the stream limit in the server's SETTINGS frame with `streamsMax`.
    ///
    /// The session itself refuses a stream beyond `streamsMax`. nghttp2 would end the whole connection instead.
    func withStreamLimit(_ frame: [UInt8]) -> [UInt8] {
        var bytes = frame
        let start = HTTP2FrameReader.headerSize
        let isSettings = bytes.count >= start + 6 && bytes[3] == UInt8(NGHTTP2_SETTINGS.rawValue)
        precondition(isSettings && bytes[start + 1] == UInt8(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue))
        let most = UInt32(connection.settings.streamsMax)
        for index in 0..<4 { bytes[start + 2 + index] = UInt8(truncatingIfNeeded: most >> (24 - 8 * UInt32(index))) }
        return bytes
    }
}
