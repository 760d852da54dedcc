// The listeners of one worker: its sockets, and what its snapshot says about the connections that they accept.
internal import HTTP
internal import Transport

/// The listeners of one worker by their keys; confined to the worker.
struct WorkerListeners {
    private struct Entry {
        var plan: ListenerPlan
        /// Nil for cleartext.
        var contexts: TLSServerContexts?
        /// Nil before the worker accepts connections on it.
        var listener: Listener?
    }

    private var entries: [ListenerKey: Entry] = [:]
    /// The listeners that the latest snapshot has removed.
    ///
    /// Another worker may have accepted a connection on one of them before it adopted that snapshot, and hand it on.
    private var removed: [ListenerKey: Entry] = [:]

    /// Makes the TLS contexts; no connection is accepted before `open`.
    ///
    /// - Throws: `TLSError` where a certificate cannot be used.
    init(_ plans: [ListenerPlan], ticketKeys: TicketKeys) throws(TLSError) {
        for plan in plans {
            entries[plan.key] = Entry(plan: plan, contexts: try plan.makeContexts(ticketKeys))
        }
    }

    /// The plan of a listener and its TLS contexts; nil contexts for cleartext.
    ///
    /// - Returns: nil for a listener that this worker does not know.
    subscript(key: ListenerKey) -> (plan: ListenerPlan, contexts: TLSServerContexts?)? {
        (entries[key] ?? removed[key]).map { ($0.plan, $0.contexts) }
    }

    /// Begins to accept on the listeners that do not accept yet.
    ///
    /// - Parameter make: makes the listener with this key; nil where it has no socket.
    mutating func open(_ make: (ListenerKey) -> Listener?) {
        for key in entries.keys where entries[key]?.listener == nil { entries[key]?.listener = make(key) }
    }

    /// Accepts no more connections.
    func pause() { for entry in entries.values { entry.listener?.pause() } }

    /// Accepts again on the listeners that have paused for want of room.
    func resumeWaiting() {
        for entry in entries.values {
            if let listener = entry.listener, listener.isWaiting { listener.resume() }
        }
    }

    /// Takes over what a new snapshot says; connections that are open keep what they began with.
    ///
    /// New listeners accept nothing before `open`. A listener whose certificates cannot be used stays as it was.
    ///
    /// - Parameter failed: called with each plan that stays out of use, and why.
    /// - Returns: the listeners that the snapshot does not name. The caller closes them once this call has returned: they
    ///   then accept what waits in their backlogs, and each such connection is looked up here.
    mutating func adopt(
        _ plans: [ListenerPlan],
        ticketKeys: TicketKeys,
        failed: (ListenerPlan, TLSError) -> Void
    ) -> [Listener] {
        let named = Set(plans.map(\.key))
        removed = entries.filter { !named.contains($0.key) }
        let closing = removed.values.compactMap(\.listener)
        for key in removed.keys {
            entries[key] = nil
            removed[key]?.listener = nil
        }
        for plan in plans {
            var entry = entries[plan.key] ?? Entry(plan: plan)
            let (old, isNew) = (entry.plan, entries[plan.key] == nil)
            let speaksOtherwise = plan.settings.speaksHTTP2 != old.settings.speaksHTTP2
            if isNew || plan.certificates != old.certificates || speaksOtherwise {
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
