// The callback table and the options of nghttp2 that sessions of one kind share.
internal import CNghttp2

/// Outlives the sessions that are made with it; confined to the thread of their event loop.
@safe
public final class HTTP2Library {
    /// The functions that nghttp2 calls: those of `HTTP2Session`, for every kind of session.
    let callbacks: OpaquePointer
    let options: OpaquePointer

    /// The version of the library that runs, as `0xMMNNPP` and as text.
    package static var version: (number: Int, text: String) {
        let information = unsafe nghttp2_version(0)!
        return unsafe (Int(information.pointee.version_num), String(cString: information.pointee.version_str))
    }

    /// nghttp2's own defaults.
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

    /// For sessions of the server with clients.
    static func forClients() -> HTTP2Library {
        let library = forServer()
        // HTTP2Abuse counts the resets that matter. The library's own limit is only the last line of defence.
        unsafe nghttp2_option_set_stream_reset_rate_limit(library.options, 20_000, 2000)
        return library
    }

    /// For the server's connections to executors.
    static func forExecutors() -> HTTP2Library {
        let library = forServer()
        unsafe nghttp2_option_set_no_closed_streams(library.options, 1)
        return library
    }

    /// For clients that measure a server.
    package static func forBench() -> HTTP2Library {
        let library = HTTP2Library()
        unsafe nghttp2_option_set_no_closed_streams(library.options, 1)
        return library
    }

    private static func forServer() -> HTTP2Library {
        let library = HTTP2Library()
        // A window opens only when its bytes have been consumed, so that a slow reader slows its sender down.
        unsafe nghttp2_option_set_no_auto_window_update(library.options, 1)
        // nghttp2 1.52 as Debian 12 has it counts reads and not CONTINUATION frames: this allows 8 frames whose 9-byte
        // headers arrive one byte at a time.
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
