// What the HTTP/2 connections of a bench share: nghttp2's callback table, of thunks only, and its options.
internal import CNghttp2
internal import HTTP

/// Borrows the session that C was given.
///
/// Sound because the channel holds it across every call into nghttp2.
@unsafe @inline(__always)
private func recover<R>(_ context: UnsafeMutableRawPointer?, _ body: (HTTP2Client) -> R) -> R {
    unsafe Unmanaged<HTTP2Client>.fromOpaque(context!)._withUnsafeGuaranteedRef { body($0) }
}

@safe
final class HTTP2ClientEnvironment {
    let library = HTTP2Library()

    init() {
        unsafe nghttp2_option_set_no_closed_streams(library.options, 1)
        unsafe Self.install(in: library.callbacks)
    }

    private static func install(in table: OpaquePointer) {
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
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(table) { _, frame, context in
            if unsafe UInt32(frame!.pointee.hd.type) == NGHTTP2_GOAWAY.rawValue {
                unsafe recover(context) { $0.goAway() }
            }
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(table) { _, stream, code, context in
            unsafe recover(context) { $0.streamClosed(stream, code: code) }
            return 0
        }
    }

    /// How much of a request's body goes into the next DATA frame.
    static let readBody: nghttp2_data_source_read_callback = { _, stream, bytes, length, flags, _, context in
        unsafe recover(context) {
            unsafe $0.readBody(
                stream: stream,
                into: UnsafeMutableRawBufferPointer(start: bytes, count: length),
                flags: flags!
            )
        }
    }
}
