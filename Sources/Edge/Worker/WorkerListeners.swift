// The listeners of one worker: its sockets, and the settings of the connections that they accept.
internal import HTTP
internal import Transport

/// The listeners of one worker by their keys; confined to the worker.
struct WorkerListeners {
    private struct Entry {
        var plan: ListenerPlan
        /// The TLS contexts; nil for cleartext.
        var contexts: TLSServerContexts?
        /// The listeners in the event loop, one for each socket; empty until the worker accepts connections.
        var listeners: [Listener] = []
    }

    private var entries: [ListenerKey: Entry] = [:]
    /// The listeners that the latest snapshot has removed.
    ///
    /// A worker that still uses the earlier snapshot may hand a connection of a removed listener to this worker, which
    /// then needs the settings of the listener.
    private var removed: [ListenerKey: Entry] = [:]

    /// Makes the TLS contexts of the listeners; no connection is accepted before `open` is called.
    ///
    /// - Throws: `TLSError` if a certificate cannot be used.
    init(_ plans: [ListenerPlan], ticketKeys: TicketKeys) throws(TLSError) {
        for plan in plans {
            entries[plan.key] = Entry(plan: plan, contexts: try plan.makeContexts(ticketKeys))
        }
    }

    /// The settings of a listener (`ListenerPlan`) and its TLS contexts; the contexts are nil for cleartext.
    ///
    /// - Returns: nil for a listener that this worker does not know.
    subscript(key: ListenerKey) -> (plan: ListenerPlan, contexts: TLSServerContexts?)? {
        (entries[key] ?? removed[key]).map { ($0.plan, $0.contexts) }
    }

    /// Begins to accept connections on those listeners that have not been opened yet.
    ///
    /// - Parameter make: makes the `Listener` objects for one address: one object for each socket that this worker has
    ///   for the address, and none if it has no socket for it.
    mutating func open(_ make: (ListenerKey) -> [Listener]) {
        for key in entries.keys where entries[key]?.listeners.isEmpty == true { entries[key]?.listeners = make(key) }
    }

    /// The listeners that have been opened.
    var all: [Listener] { entries.values.flatMap(\.listeners) }

    /// Stops accepting connections on all listeners.
    func pause() { for entry in entries.values { for listener in entry.listeners { listener.pause() } } }

    /// Accepts connections again on the listeners that paused because a limit was reached or no file descriptor was
    /// left.
    func resumeWaiting() {
        for entry in entries.values {
            for listener in entry.listeners where listener.isWaiting { listener.resume() }
        }
    }

    /// Adopts the listeners of a new snapshot; open connections keep the settings with which they began.
    ///
    /// New listeners accept nothing before `open`. If the certificates in a plan cannot be used, a listener that exists
    /// keeps its earlier settings, and no new listener is made.
    ///
    /// - Parameter failed: called with each plan that is not used, and the reason.
    /// - Returns: the listeners that the snapshot does not name; the caller must close them. `Listener.close` still
    ///   accepts the connections in the backlog, and the worker finds the settings for these connections in `removed`.
    mutating func adopt(
        _ plans: [ListenerPlan],
        ticketKeys: TicketKeys,
        failed: (ListenerPlan, TLSError) -> Void
    ) -> [Listener] {
        let named = Set(plans.map(\.key))
        removed = entries.filter { !named.contains($0.key) }
        let closing = removed.values.flatMap(\.listeners)
        for key in removed.keys {
            entries[key] = nil
            removed[key]?.listeners = []
        }
        for plan in plans {
            var entry = entries[plan.key] ?? Entry(plan: plan)
            let (old, isNew) = (entry.plan, entries[plan.key] == nil)
            if isNew || plan.certificates != old.certificates || plan.tls != old.tls {
                do throws(TLSError) { entry.contexts = try plan.makeContexts(ticketKeys) } catch {
                    failed(plan, error)
                    continue
                }
            }
            entry.plan = plan
            entries[plan.key] = entry
        }
        return closing
    }
}
