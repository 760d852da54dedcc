// The state that a worker's connections to executors share: the options of nghttp2, and TLS contexts.
package import Transport

/// The options of nghttp2 and the TLS contexts that a group of connections to executors shares.
///
/// All connections of one worker to executors share one environment. Other connections, such as those of health probes,
/// have environments of their own.
package final class ExecutorEnvironment {
    let library = HTTP2Library.forExecutors()
    private var contexts: [ContextKey: CachedContext] = [:]

    /// The settings that identify a TLS context.
    ///
    /// Executors with the same settings share a context, so that the trust store of the system is read only once.
    private struct ContextKey: Hashable {
        var caFile: String?
        var protocols: [String]
    }

    private struct CachedContext {
        let context: TLSContext
        /// What `stat` reported about the CA file when the TLS context was made; nil if the context trusts the system's
        /// authorities.
        let stamp: FileStamp?
    }

    /// The memory account that is charged for output that waits to be sent to executors.
    let account: MemoryAccount

    /// - Parameter account: the memory account that is charged for output that waits to be sent to executors.
    package init(account: MemoryAccount = MemoryAccount()) {
        self.account = account
    }

    /// The TLS context that verifies the executor's certificate and offers `protocols` by ALPN.
    ///
    /// If `caFile` has changed since the context was made, a new context is made from the changed file.
    func context(caFile: String?, protocols: [String]) throws(TLSError) -> TLSContext {
        let key = ContextKey(caFile: caFile, protocols: protocols)
        let cached = contexts[key]
        let stamp = caFile.flatMap { FileStamp($0) }
        if let cached, stamp == cached.stamp || stamp == nil { return cached.context }
        do throws(TLSError) {
            let context = try TLSContext.client(caFile: caFile, verify: true, alpn: protocols)
            contexts[key] = CachedContext(context: context, stamp: stamp)
            return context
        } catch {
            // A file that is being replaced may be empty for a moment, so the previous context stays in use.
            guard let cached else { throw error }
            return cached.context
        }
    }

    /// The reason why a PEM file of certificate authorities cannot be used; nil if it can be used.
    package static func problem(withAuthorities file: String) -> TLSError? {
        do throws(TLSError) { _ = try TLSContext.client(caFile: file, verify: true, alpn: []) } catch { return error }
        return nil
    }
}
