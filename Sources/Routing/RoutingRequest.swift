// What a pool has to know of a request to choose an executor for it.

/// The facts of one request that decide where it goes and when.
package struct RoutingRequest: Sendable {
    /// Who asks: waiting is fair between tenants.
    package var tenant: String
    /// Bytes of the request body: the work that its prompt is.
    package var promptBytes: Int
    /// Ids of the executors that have been tried for it, and are not tried again.
    package var tried: [Int]
    /// Whether it goes to a pool all of whose executors are bad, since there is no better pool.
    package var usesBad = true

    /// A request; `promptBytes` is the size of its body, `tried` has ids of executors.
    package init(tenant: String = "", promptBytes: Int = 0, tried: [Int] = []) {
        self.tenant = tenant
        self.promptBytes = promptBytes
        self.tried = tried
    }
}
