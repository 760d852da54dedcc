// The callback table and the options of nghttp2 that sessions of the same kind share.
internal import CNghttp2

/// The callback table and the options of nghttp2 for one kind of session.
///
/// Each session retains its library. A library is used only by the thread of its sessions' event loop.
@safe
public final class HTTP2Library {
    /// The callback table.
    ///
    /// Every kind of session has the same callbacks, which `HTTP2Session` installs.
    let callbacks: OpaquePointer
    let options: OpaquePointer

    /// The version of the nghttp2 library at runtime, as the number `0xMMNNPP` and as text.
    package static var version: (number: Int, text: String) {
        let information = unsafe nghttp2_version(0)!
        return unsafe (Int(information.pointee.version_num), String(cString: information.pointee.version_str))
    }

    /// Makes the callback table, and options with the defaults of nghttp2.
    private init() {
        var table: OpaquePointer?
        var made = unsafe nghttp2_session_callbacks_new(&table)
        precondition(made == 0, "nghttp2: out of memory")
        unsafe callbacks = table!
        var settings: OpaquePointer?
        made = unsafe nghttp2_option_new(&settings)
        precondition(made == 0, "nghttp2: out of memory")
        unsafe options = settings!
        unsafe HTTP2Session.install(in: callbacks)
    }

    /// Makes the callback table and the options for the server's sessions with clients.
    static func forClients() -> HTTP2Library {
        let library = forServer()
        // This limit of nghttp2 is only a safeguard. `HTTP2Abuse` has lower limits, and counts only resets that
        // indicate abuse.
        unsafe nghttp2_option_set_stream_reset_rate_limit(library.options, 20_000, 2000)
        return library
    }

    /// Makes the callback table and the options for the server's connections to executors.
    static func forExecutors() -> HTTP2Library {
        let library = forServer()
        unsafe nghttp2_option_set_no_closed_streams(library.options, 1)
        return library
    }

    /// Makes the callback table and the options for the Bench tool's connections to a server.
    package static func forBench() -> HTTP2Library {
        let library = HTTP2Library()
        unsafe nghttp2_option_set_no_closed_streams(library.options, 1)
        return library
    }

    private static func forServer() -> HTTP2Library {
        let library = HTTP2Library()
        // nghttp2 sends WINDOW_UPDATE only for bytes that a session has reported as consumed, so that a peer that sends
        // a body is slowed down when the receiver of the body is slow.
        unsafe nghttp2_option_set_no_auto_window_update(library.options, 1)
        // At most 72 CONTINUATION frames may follow a HEADERS frame. If nghttp2 1.52 of Debian 12 were given the header
        // of a CONTINUATION frame in several parts, it would count each part as a frame. But `HTTP2FrameReader` passes
        // each frame header on as a whole.
        unsafe nghttp2_option_set_max_continuations(library.options, 72)
        unsafe nghttp2_option_set_max_outbound_ack(library.options, 1000)
        unsafe nghttp2_option_set_max_settings(library.options, 32)
        return library
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(options)
    }
}
