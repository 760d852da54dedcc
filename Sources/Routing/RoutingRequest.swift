// The properties of a request that a pool needs to choose an executor for it.

/// The properties of one request that decide which executor it gets, and when.
package struct RoutingRequest: Sendable {
    /// The tenant that sent the request; the queue is fair between tenants.
    package var tenant: String
    /// The size of the request body in bytes, as an estimate of the work for its prompt.
    package var promptBytes: Int
    /// The ids of the executors that were tried for the request.
    ///
    /// The pool does not choose them again.
    package var tried: [Int]
    /// Whether a pool may serve the request if all its executors are unhealthy, because no other pool is better.
    package var usesBad = true

    /// Makes a request; `promptBytes` is the size of its body, and `tried` has ids of executors.
    package init(tenant: String = "", promptBytes: Int = 0, tried: [Int] = []) {
        self.tenant = tenant
        self.promptBytes = promptBytes
        self.tried = tried
    }
}
