// What all HTTP/2 sessions between one worker and its clients share.

/// A worker owns one, and it lives as long as the worker's connections.
package final class HTTP2Environment {
    let library = HTTP2Library.forClients()

    /// Makes the callback table and the options.
    package init() {}
}
