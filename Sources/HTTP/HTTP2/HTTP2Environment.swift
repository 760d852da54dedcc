// The state that all HTTP/2 sessions between one worker thread and its clients share.

/// The nghttp2 callbacks and options that all HTTP/2 sessions between one worker thread and its clients share.
///
/// Each worker thread owns one environment, which lives as long as its connections.
package final class HTTP2Environment {
    let library = HTTP2Library.forClients()

    /// Makes the callback table and the options of nghttp2.
    package init() {}
}
