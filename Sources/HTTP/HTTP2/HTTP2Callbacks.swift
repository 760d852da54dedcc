// The thunks that nghttp2 calls: each recovers the session it belongs to and hands over. No logic lives here.
internal import CNghttp2
internal import Transport

/// Borrows the session that C was given.
///
/// Sound because the connection holds it across every call into nghttp2.
@unsafe @inline(__always)
private func recover<R>(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2ServerSession) -> R) -> R {
    unsafe Unmanaged<HTTP2ServerSession>.fromOpaque(context!)._withUnsafeGuaranteedRef { body($0) }
}

enum HTTP2Callbacks {
    @unsafe
    static func install(in table: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(table) { _, frame, context in
            unsafe recover(context) { unsafe $0.beginHeaders(frame!.pointee) }
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
            unsafe recover(context) { unsafe $0.frameReceived(frame!.pointee) }
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
        }
        unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(table) { _, _, _, context in
            unsafe recover(context) { $0.invalidFrame() }
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(table) { _, frame, context in
            unsafe recover(context) { unsafe $0.frameSent(frame!.pointee) }
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, context in
            unsafe recover(context) { $0.streamClosed(stream, code: code) }
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

    /// How much of a stream's output goes into the next DATA frame.
    static let readData: nghttp2_data_source_read_callback = { _, stream, _, length, flags, _, context in
        unsafe recover(context) { unsafe $0.readData(stream: stream, length: length, flags: flags!) }
    }
}
