// What the connections of one worker to all its executors share: options of nghttp2, and TLS contexts.
package import Transport

/// Each worker owns one environment, which lives as long as the worker's connections to executors.
package final class ExecutorEnvironment {
    let library = HTTP2Library.forExecutors()
    private var contexts: [ContextKey: CachedContext] = [:]

    /// Executors with the same settings share a context, so that the system's trust store is read only once.
    private struct ContextKey: Hashable {
        var caFile: String?
        var protocols: [String]
    }

    private struct CachedContext {
        let context: TLSContext
        /// The file of authorities as it was when the context was made; nil for the system's authorities.
        let stamp: FileStamp?
    }

    /// Charged for output that waits for executors.
    let account: MemoryAccount

    /// - Parameter account: charged for output that waits for executors.
    package init(account: MemoryAccount = MemoryAccount()) {
        self.account = account
    }

    /// The context that verifies the executor's certificate and offers these protocols by ALPN.
    ///
    /// A file of authorities that has changed is read again, so that a renewed one holds for the next connection.
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
            // A file that is being replaced may be empty for a moment: the authorities of before stay.
            guard let cached else { throw error }
            return cached.context
        }
    }

    /// What is wrong with a PEM file of certificate authorities; nil if it can be used.
    package static func problem(withAuthorities file: String) -> TLSError? {
        do throws(TLSError) { _ = try TLSContext.client(caFile: file, verify: true, alpn: []) } catch { return error }
        return nil
    }
}
