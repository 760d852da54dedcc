// What all HTTP/2 sessions of one worker share: nghttp2's callback table and options.
internal import CNghttp2

/// One a worker; lives as long as its connections.
@safe
package final class HTTP2Environment {
    let library = HTTP2Library.forServer()

    package init() {
        // Our own counter knows which resets matter (HTTP2Abuse); the library's is a far backstop.
        unsafe nghttp2_option_set_stream_reset_rate_limit(library.options, 20_000, 2000)
        unsafe HTTP2Callbacks.install(in: library.callbacks)
    }
}
