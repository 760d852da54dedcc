// What the connections of one worker to all its executors share: nghttp2's callback table and options, TLS contexts.
internal import CNghttp2
package import Transport

/// One a worker; lives as long as its connections.
@safe
package final class ExecutorEnvironment {
    let library = HTTP2Library.forServer()
    private var contexts: [ContextKey: TLSContext] = [:]

    /// The system's trust store is read once for all executors that use it.
    private struct ContextKey: Hashable {
        var caFile: String?
        var protocols: [String]
    }

    /// What executors have not taken of what they were sent.
    let account: MemoryAccount

    package init(account: MemoryAccount = MemoryAccount()) {
        self.account = account
        unsafe nghttp2_option_set_no_closed_streams(library.options, 1)
        unsafe HTTP2ExecutorCallbacks.install(in: library.callbacks)
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
