// One nghttp2 session: the callbacks that the library makes, and the loops that feed it and empty it. The sessions with
// clients, the connections to executors and the bench's connections are its subclasses.
public import CNghttp2
package import Transport

/// Calls `body` with the session that belongs to the context pointer of a callback.
///
/// Sound because the caller of `receiveFrames` or `sendFrames` holds the session, and nghttp2 makes no callback outside
/// of its two functions that these call.
@unsafe @inline(__always)
private func recover<R>(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2Session) -> R) -> R {
    unsafe Unmanaged<HTTP2Session>.fromOpaque(context!)._withUnsafeGuaranteedRef { body($0) }
}

/// Owns an nghttp2 session and receives its callbacks.
///
/// A C function pointer cannot be generic over the owner of the session, so the owners are subclasses, and a callback
/// is one dynamic call. The class is `open` only because the bench, which is another module, has a subclass as well.
///
/// nghttp2 is not re-entrant. A callback may call `nghttp2_submit_*` and `nghttp2_session_consume*`; `receiveFrames`
/// and `sendFrames` trap when they are called from a callback. A session is confined to the thread of its event loop,
/// and the caller of these two functions must hold a reference to it until they return.
@safe
open class HTTP2Session {
    /// Which end of the connection the session is.
    public enum Role { case client, server }

    /// The most bytes that one flush hands over, give or take one frame.
    ///
    /// The rest waits for the loop's next turn.
    package static let flushBytesMax = 128 << 10

    /// The library's session, for functions of nghttp2 that this class does not wrap.
    package final let session: OpaquePointer
    /// Holds the callback table and the options, which must outlive the session.
    private let library: HTTP2Library
    private var isInsideLibrary = false
    /// Where `sendFrames` writes to while it runs.
    private var output: Scratch?

    /// Makes a session; nothing is sent before `submitSettings`.
    ///
    /// This is `public`, as its types are, because Swift 6.3 makes an endless recursion of a `package` initializer in a
    /// subclass that does not inherit it.
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

    // MARK: Feeding and emptying

    /// Lets the library read bytes of the peer; it makes its callbacks during the call.
    ///
    /// - Returns: the number of bytes read, or a negative error code of nghttp2, after which the connection must end.
    package final func receiveFrames(_ bytes: Span<UInt8>) -> Int {
        precondition(!isInsideLibrary, "nghttp2 is not re-entrant")
        isInsideLibrary = true
        let count = unsafe bytes.withUnsafeBufferPointer {
            unsafe nghttp2_session_mem_recv(session, $0.baseAddress, $0.count)
        }
        isInsideLibrary = false
        return count
    }

    /// Appends what the library has to send to `scratch`, up to `flushBytesMax`.
    ///
    /// - Returns: 0, or a negative error code of nghttp2, after which the connection must end.
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

    /// The library's next frame by itself, for a caller that has to change it.
    ///
    /// - Returns: the frame; nil when there is none or on an error, which the next `sendFrames` reports again.
    final func nextFrame() -> [UInt8]? {
        precondition(!isInsideLibrary, "nghttp2 is not re-entrant")
        isInsideLibrary = true
        var bytes: UnsafePointer<UInt8>?
        let count = unsafe nghttp2_session_mem_send(session, &bytes)
        isInsideLibrary = false
        return count > 0 ? unsafe Array(UnsafeBufferPointer(start: bytes, count: count)) : nil
    }

    /// Whether the library has something to send.
    package final var wantsWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 }
    /// Whether the library still expects frames; false after a GOAWAY for an error.
    package final var wantsRead: Bool { unsafe nghttp2_session_want_read(session) != 0 }

    // MARK: Submitting

    /// Queues our SETTINGS and sets how much the peer may send on the whole connection, in bytes.
    package final func submitSettings(_ entries: [(id: nghttp2_settings_id, value: UInt32)], connectionWindow: Int32) {
        let none = UInt8(NGHTTP2_FLAG_NONE.rawValue)
        let settings = entries.map { nghttp2_settings_entry(settings_id: CInt($0.id.rawValue), value: $0.value) }
        let result = unsafe settings.withUnsafeBufferPointer {
            unsafe nghttp2_submit_settings(session, none, $0.baseAddress, $0.count)
        }
        precondition(result == 0, "nghttp2 refused our settings")
        unsafe nghttp2_session_set_local_window_size(session, none, 0, connectionWindow)
    }

    /// Queues RST_STREAM.
    ///
    /// The library drops DATA of the stream that it has not sent yet.
    package final func submitReset(_ stream: Int32, _ code: nghttp2_error_code) {
        unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), stream, code.rawValue)
    }

    /// A body that the library reads by `readData`.
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

    // MARK: Callbacks for a subclass to override; each does nothing by default

    /// A header block begins: a request, a response or trailers.
    open func beginHeaders(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// One field has been decoded.
    ///
    /// - Returns: 0, `NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE` to fail the stream, or `NGHTTP2_ERR_CALLBACK_FAILURE` to
    ///   fail the connection.
    open func header(stream id: Int32, name: Span<UInt8>, value: Span<UInt8>) -> CInt { 0 }
    /// A valid frame has arrived whole; its header fields or its DATA were reported before.
    open func frameReceived(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// Bytes of DATA have arrived.
    ///
    /// They count against the windows until they are consumed.
    open func dataReceived(stream id: Int32, _ bytes: Span<UInt8>) {}
    /// A frame has arrived whose content is invalid; the library answers it with RST_STREAM or GOAWAY.
    open func invalidFrameReceived() {}
    /// A frame has been handed over for sending.
    open func frameSent(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// A frame that was queued will not be sent.
    open func frameNotSent(_ frame: UnsafePointer<nghttp2_frame>) {}
    /// A stream has ended.
    ///
    /// The callback cannot fail: nghttp2 would leak what it is closing.
    open func streamClosed(_ id: Int32, code: UInt32) {}
    /// Asks how many bytes of a body go into the next DATA frame.
    ///
    /// The subclass writes them to `buffer`, or sets `NGHTTP2_DATA_FLAG_NO_COPY` and writes them in `sendData`.
    ///
    /// - Returns: the number of bytes, at most `buffer.count`, or an error code such as `NGHTTP2_ERR_DEFERRED`.
    open func readData(
        stream id: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        flags: UnsafeMutablePointer<UInt32>
    ) -> Int { Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue) }
    /// Asks for a DATA frame after NO_COPY: its header of 9 bytes and then `length` bytes of the body go to `scratch`.
    ///
    /// - Returns: 0, `NGHTTP2_ERR_PAUSE` to end this `sendFrames`, or an error code.
    func sendData(stream id: Int32, header: UnsafeRawBufferPointer, length: Int, into scratch: Scratch) -> CInt {
        CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
    }

    // MARK: What C calls

    /// Puts the functions that nghttp2 calls into a callback table.
    ///
    /// Each function finds its session and calls a method of it.
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
                // `nextFrame` is for frames that are no DATA.
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
