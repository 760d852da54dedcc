// The properties of a request that a pool needs to choose an executor for it.
package import Transport

/// The properties of one request that decide which executor it gets, and when.
package struct RoutingRequest: Sendable {
    /// The tenant that sent the request; a pool's queue shares slots fairly between tenants.
    package var tenant: String
    /// The class of the request; a pool's queue serves higher classes first.
    package var priority = PriorityClass.standard
    /// The size of the prompt in bytes, as an estimate of the work for it.
    ///
    /// If `prefix` has no hashes, it is the size of the whole body. An image or other media counts as many bytes as a
    /// text with the same number of tokens.
    package var promptBytes: Int
    /// The hashes of the prompt's beginnings, by which a pool finds executors that have these beginnings in their
    /// caches.
    ///
    /// The value has no hashes if no pool of the request chooses executors by prompts, if the prompt is too short, or
    /// if the prompt has too many images or other media.
    package var prefix = PromptPrefix()
    /// Whether `promptBytes` is an estimate because of images or other media.
    ///
    /// If so, a pool does not learn from the answer how large the executor's cache is.
    package var hasMedia = false
    /// The session that the client has named; nil if there is none, or if no pool of the request chooses executors by
    /// prompts.
    package var session: SessionName?
    /// The hash of the id of the response that the request continues; nil if it continues none.
    package var response: UInt64?
    /// The path of the request, as a set with one element; empty if the edge does not know the path (`Dialect.paths`).
    ///
    /// The edge serves an unknown path only for models whose setting `passthrough` lists it. Only executors that have
    /// the path get the request (`PoolMember.hasPath`); the empty set excludes no executor.
    package var path: PathSet = []
    /// How long the request may wait for a model that is being loaded, in nanoseconds; 0 if it does not wait for that.
    package var loadWait: Nanoseconds = 0
    /// The ids of the executors at which the request has already been tried.
    ///
    /// The pool does not choose these executors again.
    package var tried: [Int]
    /// Whether a pool may try the request at an unhealthy executor if all executors of the pool are unhealthy.
    ///
    /// The value is true if the request has only one pool, or if no other pool of the request has a healthy executor.
    package var usesBad = true

    /// Makes a request.
    ///
    /// - Parameters:
    ///   - promptBytes: the estimated size of the prompt in bytes.
    ///   - tried: the ids of the executors at which the request has already been tried.
    package init(tenant: String = "", promptBytes: Int = 0, tried: [Int] = []) {
        self.tenant = tenant
        self.promptBytes = promptBytes
        self.tried = tried
    }
}
