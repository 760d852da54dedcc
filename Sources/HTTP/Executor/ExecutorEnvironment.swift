// What the connections of one worker to all its executors share: nghttp2's callback table and options, TLS contexts.
internal import CNghttp2
package import Transport

/// One a worker; lives as long as its connections.
@safe
package final class ExecutorEnvironment {
    let callbacks: OpaquePointer
    let options: OpaquePointer
    private var contexts: [ContextKey: TLSContext] = [:]

    /// The system's trust store is read once for all executors that use it.
    private struct ContextKey: Hashable {
        var caFile: String?
        var protocols: [String]
    }

    package init() {
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
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe HTTP2ExecutorCallbacks.install(in: callbacks)
    }

    deinit {
        unsafe nghttp2_session_callbacks_del(callbacks)
        unsafe nghttp2_option_del(options)
    }

    /// A context that verifies the executor's certificate and offers these protocols.
    func context(caFile: String?, protocols: [String]) throws(TLSError) -> TLSContext {
        let key = ContextKey(caFile: caFile, protocols: protocols)
        if let context = contexts[key] { return context }
        let context = try TLSContext.client(caFile: caFile, verify: true, alpn: protocols)
        contexts[key] = context
        return context
    }

    /// What is wrong with a file of certificate authorities; nil when nothing is.
    package static func problem(withAuthorities file: String) -> TLSError? {
        do throws(TLSError) { _ = try TLSContext.client(caFile: file, verify: true, alpn: []) } catch { return error }
        return nil
    }
}
