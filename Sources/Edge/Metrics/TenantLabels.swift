// Tenants as metric labels: the first hundred by their names, all other tenants under one name.
internal import Transport

/// The tenants that metrics distinguish, each with an index.
///
/// All workers share one table, so that they use the same indices. Each call of `index` takes a lock, but workers call
/// `index` only for wasted tokens.
package final class TenantLabels: Sendable {
    /// The number of tenants that metrics distinguish.
    static let namesMax = 100
    /// The label of all other tenants, whose index is 0.
    package static let others = "other"

    private struct State {
        /// The names by index.
        var names = [TenantLabels.others]
        var indices = [TenantLabels.others: 0]
    }
    private let state = Lock(State())

    /// Makes a table without tenants.
    package init() {}

    /// The index of a tenant in `names`, which never changes; 0 for a tenant that comes after the first `namesMax`.
    package func index(of tenant: String) -> Int {
        state.withLock { state in
            if let index = state.indices[tenant] { return index }
            guard state.names.count <= Self.namesMax else { return 0 }
            state.names.append(tenant)
            state.indices[tenant] = state.names.count - 1
            return state.names.count - 1
        }
    }

    /// The labels by index.
    package var names: [String] { state.withLock { $0.names } }
}
