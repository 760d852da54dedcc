// What the connections of one worker to all its executors share: options of nghttp2, and TLS contexts.
package import Transport

/// Each worker owns one environment, which lives as long as the worker's connections to executors.
package final class ExecutorEnvironment {
    let library = HTTP2Library.forExecutors()
    private var contexts: [ContextKey: TLSContext] = [:]

    /// Executors with the same settings share a context, so that the system's trust store is read only once.
    private struct ContextKey: Hashable {
        var caFile: String?
        var protocols: [String]
    }

    /// Charged for output that waits for executors.
    let account: MemoryAccount

    /// - Parameter account: charged for output that waits for executors.
    package init(account: MemoryAccount = MemoryAccount()) {
        self.account = account
    }

    /// The context that verifies the executor's certificate and offers these protocols by ALPN.
    func context(caFile: String?, protocols: [String]) throws(TLSError) -> TLSContext {
        let key = ContextKey(caFile: caFile, protocols: protocols)
        if let context = contexts[key] { return context }
        let context = try TLSContext.client(caFile: caFile, verify: true, alpn: protocols)
        contexts[key] = context
        return context
    }

    /// What is wrong with a PEM file of certificate authorities; nil if it can be used.
    package static func problem(withAuthorities file: String) -> TLSError? {
        do throws(TLSError) { _ = try TLSContext.client(caFile: file, verify: true, alpn: []) } catch { return error }
        return nil
    }
}
