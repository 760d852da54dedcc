// The thunks that nghttp2 calls for connections to executors: each recovers its connection and hands over.
internal import CNghttp2
internal import Transport

/// Borrows the connection that C was given.
///
/// Sound because the channel holds it across every call into nghttp2.
@unsafe @inline(__always)
private func recover<R>(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2ExecutorConnection) -> R) -> R {
    unsafe Unmanaged<HTTP2ExecutorConnection>.fromOpaque(context!)._withUnsafeGuaranteedRef { body($0) }
}

enum HTTP2ExecutorCallbacks {
    @unsafe
    static func install(in table: OpaquePointer) {
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
            unsafe recover(context) { unsafe $0.frameReceived(frame!.pointee) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(table) {
            _,
            _,
            stream,
            bytes,
            count,
            context in
            unsafe recover(context) {
                unsafe $0.dataReceived(stream: stream, UnsafeBufferPointer(start: bytes, count: count).span)
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, context in
            unsafe recover(context) { unsafe $0.frameSent(frame!.pointee) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(table) { _, frame, _, context in
            unsafe recover(context) { unsafe $0.frameNotSent(frame!.pointee) }
            return 0
        }
        // It must never fail: nghttp2 would leak what it was closing.
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, context in
            unsafe recover(context) { $0.streamClosed(stream, code: code) }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(table) { _, frame, header, length, _, context in
            unsafe recover(context) {
                unsafe $0.sendData(
                    stream: frame!.pointee.hd.stream_id,
                    header: UnsafeRawBufferPointer(start: header, count: 9),
                    length: length
                )
            }
        }
    }

    /// How much of a request's body goes into the next DATA frame.
    static let readBody: nghttp2_data_source_read_callback = { _, stream, _, length, flags, _, context in
        unsafe recover(context) { unsafe $0.readBody(stream: stream, length: length, flags: flags!) }
    }
}
