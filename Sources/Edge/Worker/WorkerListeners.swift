// The listeners of one worker: its sockets, and what its snapshot says about the connections that they accept.
internal import HTTP
internal import Transport

/// The listeners of one worker, by the index that the listener had in the first snapshot; confined to the worker.
struct WorkerListeners {
    private var plans: [ListenerPlan]
    private var contexts: [TLSServerContexts?] = []
    private var listeners: [Listener] = []

    /// Loads the certificates; no connection is accepted before `open`.
    ///
    /// - Throws: `TLSError` if a certificate cannot be loaded.
    init(_ plans: [ListenerPlan], ticketKeys: TicketKeys) throws(TLSError) {
        self.plans = plans
        for plan in plans { contexts.append(try plan.makeContexts(ticketKeys)) }
    }

    /// The plan of a listener and its TLS contexts; nil contexts for cleartext.
    subscript(index: Int) -> (plan: ListenerPlan, contexts: TLSServerContexts?) { (plans[index], contexts[index]) }

    /// Begins to accept, on one listener for each plan.
    ///
    /// - Parameter make: makes the listener with this index.
    mutating func open(_ make: (Int) -> Listener) {
        for index in plans.indices { listeners.append(make(index)) }
    }

    /// Accepts no more connections.
    func pause() { for listener in listeners { listener.pause() } }

    /// Accepts again on the listeners that have paused because there was no room.
    func resumeWaiting() { for listener in listeners where listener.isWaiting { listener.resume() } }

    /// Adopts the plans of a new snapshot for these listeners; open connections keep the plan with which they began.
    ///
    /// A listener whose new certificates cannot be loaded stays as it was.
    ///
    /// - Parameter failed: called with each plan that is not adopted, and the reason.
    mutating func adopt(_ new: [ListenerPlan], ticketKeys: TicketKeys, failed: (ListenerPlan, TLSError) -> Void) {
        for index in plans.indices {
            guard let plan = new.first(where: { $0.address == plans[index].address }) else { continue }
            let old = plans[index]
            if plan.certificates != old.certificates || plan.settings.speaksHTTP2 != old.settings.speaksHTTP2 {
                do throws(TLSError) { contexts[index] = try plan.makeContexts(ticketKeys) } catch {
                    failed(plan, error)
                    continue
                }
            }
            plans[index] = plan
        }
    }
}
