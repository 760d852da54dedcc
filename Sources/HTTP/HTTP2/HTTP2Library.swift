// nghttp2's callback table and options, and what every session of the server has in common in them. Whoever speaks
// HTTP/2, the bench too, owns one.
internal import CNghttp2

/// Outlives the sessions that are made with it; confined to their worker.
@safe
package final class HTTP2Library {
    package let callbacks: OpaquePointer
    package let options: OpaquePointer

    /// The version of the library that runs, as `0xMMNNPP` and as text.
    package static var version: (number: Int, text: String) {
        let information = unsafe nghttp2_version(0)!
        return unsafe (Int(information.pointee.version_num), String(cString: information.pointee.version_str))
    }

    /// Empty, with the library's own defaults.
    package init() {
        var table: OpaquePointer?
        var made = unsafe nghttp2_session_callbacks_new(&table)
        precondition(made == 0, "nghttp2: out of memory")
        unsafe callbacks = table!
        var settings: OpaquePointer?
        made = unsafe nghttp2_option_new(&settings)
        precondition(made == 0, "nghttp2: out of memory")
        unsafe options = settings!
    }

    /// For the server's sessions, with clients and with executors.
    static func forServer() -> HTTP2Library {
        let library = HTTP2Library()
        // Windows open only as bytes are consumed (design.md, Flow control).
        unsafe nghttp2_option_set_no_auto_window_update(library.options, 1)
        // Debian's 1.52 counts reads, not frames: 8 frames in at most 9 reads each (edge-servers.md 0.6).
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
