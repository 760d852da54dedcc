// The values of the metric label for tenants. The first hundred tenants have their own names, and all others share one.
internal import Transport

/// The tenants that have their own label in the metrics, each with an index.
///
/// All workers share one table, so that they use the same indices. Each call of `index` takes a lock. This costs
/// little, because workers call it only for tokens that did not reach the client.
package final class TenantLabels: Sendable {
    /// How many tenants have their own label in the metrics.
    static let namesMax = 100
    /// The label that all further tenants share; its index is 0.
    package static let others = "other"

    private struct State {
        /// The label for each index.
        var names = [TenantLabels.others]
        var indices = [TenantLabels.others: 0]
    }
    private let state = Lock(State())

    /// Makes a table without tenants, which has only the label `others`.
    package init() {}

    /// The index of the tenant's label in `names`; it never changes for a tenant.
    ///
    /// The index is 0, that of the shared label, if `namesMax` other tenants came first.
    package func index(of tenant: String) -> Int {
        state.withLock { state in
            if let index = state.indices[tenant] { return index }
            guard state.names.count <= Self.namesMax else { return 0 }
            state.names.append(tenant)
            state.indices[tenant] = state.names.count - 1
            return state.names.count - 1
        }
    }

    /// The label for each index, for the metrics page.
    package var names: [String] { state.withLock { $0.names } }
}
