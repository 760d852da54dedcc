// The base class of everything that owns an nghttp2 session. Its subclasses are the sessions with clients, the
// connections to executors, and the connections of the Bench tool.
public import CNghttp2
package import Transport

/// Calls `body` with the session that belongs to the context pointer of a callback.
///
/// nghttp2 makes callbacks only during `receiveFrames`, `sendFrames` and `nextFrame`. The unretained pointer is valid,
/// because the callers of these methods retain the session.
@unsafe @inline(__always)
private func recover<R>(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> R) -> R {
    unsafe Unmanaged<HTTP2Session>.fromOpaque(context!)._withUnsafeGuaranteedRef { body($0) }
}

/// Owns an nghttp2 session and receives its callbacks.
///
/// Each kind of session is a subclass that overrides the callbacks, because a C function pointer cannot be generic. The
/// class is `open` only because one of the subclasses is in another module, the Bench tool.
///
/// nghttp2 is not re-entrant. A callback may call `nghttp2_submit_*` and `nghttp2_session_consume*`, but
/// `receiveFrames` and `sendFrames` trap when a callback calls them. A session is confined to the thread of its event
/// loop. The caller of `receiveFrames` or `sendFrames` must retain the session until the call returns.
@safe
open class HTTP2Session {
    /// The side of the connection that the session represents.
    public enum Role { case client, server }

    /// How many bytes the session writes at most in one flush, in which the event loop asks it for output.
    ///
    /// The last frame may exceed this limit. More output waits for the next flush.
    package static let flushBytesMax = 128 << 10

    /// The session object of nghttp2, for functions that this class does not wrap.
    package final let session: OpaquePointer
    /// The callback table and the options, which must outlive the session.
    private let library: HTTP2Library
    private var isInsideLibrary = false
    /// The buffer to which `sendFrames` writes; nil while `sendFrames` is not running.
    private var output: Scratch?

    /// Makes a session.
    ///
    /// The new session sends nothing before `submitSettings` is called.
    ///
    /// The initializer and its parameter types are `public`. If it were `package`, Swift 6.3 would compile it to an
    /// endless recursion in a subclass that does not inherit it.
    public init(_ role: Role, library: HTTP2Library) {
        self.library = library
        var made: OpaquePointer?
        let result =
            switch role {
            case .client: unsafe nghttp2_session_client_new2(&made, library.callbacks, nil, library.options)
            case .server: unsafe nghttp2_session_server_new2(&made, library.callbacks, nil, library.options)
            }
        precondition(result == 0, "nghttp2: out of memory")
        unsafe session = made!
        unsafe nghttp2_session_set_user_data(session, Unmanaged.passUnretained(self).toOpaque())
    }

    deinit {
        precondition(!isInsideLibrary, "an nghttp2 session was released inside one of its callbacks")
        unsafe nghttp2_session_del(session)
    }

    // MARK: Receiving and sending

    /// Passes received bytes to nghttp2, which calls the callback methods of this class before this call returns.
    ///
    /// - Returns: the number of bytes read, or a negative error code of nghttp2. The connection must end after an
    ///   error.
    package final func receiveFrames(_ bytes: Span<UInt8>) -> Int {
        precondition(!isInsideLibrary, "nghttp2 is not re-entrant")
        isInsideLibrary = true
        let count = unsafe bytes.withUnsafeBufferPointer {
            unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
        }
        isInsideLibrary = false
        return count
    }

    /// Appends the output of nghttp2 to `scratch`, up to `flushBytesMax`.
    ///
    /// - Returns: 0, or a negative error code of nghttp2. The connection must end after an error.
    package final func sendFrames(into scratch: Scratch) -> Int {
        precondition(!isInsideLibrary, "nghttp2 is not re-entrant")
        isInsideLibrary = true
        output = scratch
        var result = 0
        while scratch.count < Self.flushBytesMax {
            var bytes: UnsafePointer<UInt8>?
            result = unsafe nghttp2_session_mem_send(session, &bytes)
            guard result > 0 else { break }
            unsafe scratch.append(UnsafeRawBufferPointer(start: bytes, count: result))
        }
        output = nil
        isInsideLibrary = false
        return min(result, 0)
    }

    /// Takes only the next frame from nghttp2, for a caller that has to change the frame.
    ///
    /// - Returns: the frame; nil if nghttp2 has no frame, or after an error, which the next `sendFrames` reports.
    final func nextFrame() -> [UInt8]? {
        precondition(!isInsideLibrary, "nghttp2 is not re-entrant")
        isInsideLibrary = true
        var bytes: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &bytes)
        isInsideLibrary = false
        return count > 0 ? unsafe Array(UnsafeBufferPointer(start: bytes, count: count)) : nil
    }

    /// Whether nghttp2 has frames to send.
    package final var wantsWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 }
    /// Whether nghttp2 still expects frames.
    ///
    /// False once nghttp2 has sent a GOAWAY that ends the connection at once, such as that for a connection error. Also
    /// false if a GOAWAY has been sent or received and no stream is open.
    package final var wantsRead: Bool { unsafe nghttp2_session_want_read(session) != 0 }

    // MARK: Submitting

    /// Queues a SETTINGS frame for the peer, and sets the receive window of the whole connection, in bytes.
    package final func submitSettings(_ entries: [(id: nghttp2_settings_id, value: UInt32)], connectionWindow: Int32) {
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        let settings = entries.map { nghttp2_settings_entry(settings_id: CInt($0.id.rawValue), value: $0.value) }
        let result = unsafe settings.withUnsafeBufferPointer {
            unsafe nghttp2_submit_settings(session, none, $0.baseAddress, $0.count)
        }
        precondition(result == 0, "nghttp2 refused our settings")
        unsafe nghttp2_session_set_local_window_size(session, none, 0, connectionWindow)
    }

    /// Queues an RST_STREAM frame.
    ///
    /// nghttp2 then drops all unsent DATA of the stream.
    package final func submitReset(_ stream: Int32, _ code: nghttp2_error_code) {
        unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// The `nghttp2_data_provider` of a body, whose bytes nghttp2 gets from `readData`.
    package static var bodyProvider: nghttp2_data_provider {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.read_callback = { _, stream, bytes, length, flags, _, context in
            unsafe recover(context) {
                let buffer = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: length)
                return unsafe $0.readData(stream: stream, into: buffer, flags: flags!)
            }
        }
        return unsafe provider
    }

    // MARK: Callbacks for a subclass to override

    /// A header block begins to arrive: a request head, a response head or trailers.
    open func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// One header field has been decoded.
    ///
    /// - Returns: 0, `NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE` to fail the stream, or `NGHTTP2_ERR_CALLBACK_FAILURE` to
    ///   fail the connection.
    open func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt { 0 }
    /// A valid frame has arrived completely.
    ///
    /// nghttp2 has already made the callbacks for the frame's header fields or its DATA.
    open func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// Bytes of DATA have arrived.
    ///
    /// The bytes count against the flow-control windows until `nghttp2_session_consume` is called for them.
    open func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) {}
    /// A frame with invalid content has arrived.
    ///
    /// nghttp2 answers the frame with RST_STREAM or GOAWAY.
    open func invalidFrameReceived() {}
    /// nghttp2 has written a frame to the output.
    open func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// A queued frame will not be sent.
    open func frameNotSent(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// A stream has ended.
    ///
    /// The method cannot report an error to nghttp2, because nghttp2 would then leak the stream that it is closing.
    open func streamClosed(_ id: Int32, code: UInt32) {}
    /// Asks how many bytes of a body go into the next DATA frame.
    ///
    /// The subclass writes the bytes to `buffer`, or it sets `NGHTTP2_DATA_FLAG_NO_COPY` and writes them in
    /// `sendData`.
    ///
    /// - Returns: the number of bytes, at most `buffer.count`, or an error code such as `NGHTTP2_ERR_DEFERRED`.
    open func readData(
        stream id: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        flags: UnsafeMutablePointer<UInt32>
    ) -> Int { Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    /// Writes a DATA frame for which `readData` has set `NGHTTP2_DATA_FLAG_NO_COPY`.
    ///
    /// The function appends the frame header of 9 bytes and then `length` bytes of the body to `scratch`.
    ///
    /// - Returns: 0, `NGHTTP2_ERR_PAUSE` to end the current `sendFrames`, or an error code.
    func sendData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int, into scratch: Scratch) -> CInt {
        CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }

    // MARK: The C callbacks

    /// Puts the functions that nghttp2 calls into a callback table.
    ///
    /// Each function recovers its session from the context pointer and calls one method of the session.
    @unsafe
    static func install(in table: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, context in
            unsafe recover(context) { unsafe $0.beginHeaders(frame!) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(table) {
            _,
            frame,
            name,
            nameLength,
            value,
            valueLength,
            _,
            context in
            unsafe recover(context) {
                unsafe $0.header(
                    stream: frame!.pointee.hd.stream_id,
                    name: UnsafeBufferPointer(start: name, count: nameLength).span,
                    value: UnsafeBufferPointer(start: value, count: valueLength).span
                )
            }
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, context in
            unsafe recover(context) { unsafe $0.frameReceived(frame!) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) { _, _, stream, bytes, count, context in
            unsafe recover(context) {
                unsafe $0.dataReceived(stream: stream, UnsafeBufferPointer(start: bytes, count: count).span)
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, _, _, context in
            unsafe recover(context) { $0.invalidFrameReceived() }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, context in
            unsafe recover(context) { unsafe $0.frameSent(frame!) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(table) { _, frame, _, context in
            unsafe recover(context) { unsafe $0.frameNotSent(frame!) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, context in
            unsafe recover(context) { $0.streamClosed(stream, code: code) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(table) { _, frame, header, length, _, context in
            unsafe recover(context) {
                // `output` is nil only during `nextFrame`, which must not be used when the next frame is DATA.
                guard let scratch = $0.output else { return CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue) }
                return unsafe $0.sendData(
                    stream: frame!.pointee.hd.stream_id,
                    header: UnsafeRawBufferPointer(start: header, count: 9),
                    length: length,
                    into: scratch
                )
            }
        }
    }
}
