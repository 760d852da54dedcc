// The properties of a request that a pool needs to choose an executor for it.

/// The properties of one request that decide which executor it gets, and when.
package struct RoutingRequest: Sendable {
    /// The tenant that sent the request; a pool's queue shares slots fairly between tenants.
    package var tenant: String
    /// The class of the request; a pool's queue serves higher classes first.
    package var priority = PriorityClass.standard
    /// The size of the prompt in bytes, as an estimate of the work for it.
    ///
    /// Unless a pool looks at prompts, it is the size of the body, in which images and other media count as much text as
    /// they have tokens.
    package var promptBytes: Int
    /// The hashes of the beginnings of the prompt; empty if no pool of the request looks at prompts.
    package var prefix = PromptPrefix()
    /// The ids of the executors at which the request has already been tried.
    ///
    /// The pool does not choose these executors again.
    package var tried: [Int]
    /// Whether a pool whose executors are all unhealthy may still try the request.
    ///
    /// True if the request has only one pool, or if no other pool of the request has a healthy executor.
    package var usesBad = true

    /// Makes a request; `promptBytes` is the size of its body, and `tried` has ids of executors.
    package init(tenant: String = "", promptBytes: Int = 0, tried: [Int] = []) {
        self.tenant = tenant
        self.promptBytes = promptBytes
        self.tried = tried
    }
}
