// nghttp2's callback table and options, with what every session of ours has in common. Whoever speaks HTTP/2 owns one.
internal import CNghttp2

/// Outlives the sessions that are made with it; confined to their worker.
@safe
final class HTTP2Library {
    let callbacks: OpaquePointer
    let options: OpaquePointer

    init() {
        var table: OpaquePointer?
        var made = unsafe nghttp2_session_callbacks_new(&table)
        precondition(made == 0, "nghttp2: out of memory")
        unsafe callbacks = table!
        var settings: OpaquePointer?
        made = unsafe nghttp2_option_new(&settings)
        precondition(made == 0, "nghttp2: out of memory")
        unsafe options = settings!
        // Windows open only as bytes are consumed (design.md, Flow control).
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        // Debian's 1.52 counts reads, not frames: 8 frames in at most 9 reads each (edge-servers.md 0.6).
        unsafe nghttp2_option_set_max_continuations(options, 72)
        unsafe nghttp2_option_set_max_outbound_ack(options, 1000)
        unsafe nghttp2_option_set_max_settings(options, 32)
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(options)
    }
}
