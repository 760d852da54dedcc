// What a pool needs to know about a request to choose an executor for it.

/// The facts of one request that decide where it goes and when.
package struct RoutingRequest: Sendable {
    /// The tenant that sent the request; the queue is fair between tenants.
    package var tenant: String
    /// The bytes of the request body, as an estimate of the work for its prompt.
    package var promptBytes: Int
    /// The ids of the executors that have been tried for the request; they are not tried again.
    package var tried: [Int]
    /// Whether the request may use a pool whose executors are all bad, since no other pool is better.
    package var usesBad = true

    /// A request; `promptBytes` is the size of its body, `tried` has ids of executors.
    package init(tenant: String = "", promptBytes: Int = 0, tried: [Int] = []) {
        self.tenant = tenant
        self.promptBytes = promptBytes
        self.tried = tried
    }
}
