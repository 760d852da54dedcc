// Tenants as metric labels: the first hundred by name, all others as one. Shared by all workers, so that they agree.
internal import Transport

/// Touched only for what is counted by tenant, which is seldom.
package final class TenantLabels: Sendable {
    /// Distinct tenants that metrics tell apart.
    package static let namesMax = 100
    /// The name of all the others.
    package static let others = "other"

    private struct State {
        /// The first is that of the others.
        var names = [TenantLabels.others]
        var places = [TenantLabels.others: 0]
    }
    private let state = Lock(State())

    package init() {}

    /// The place of a tenant among `names`: the same for as long as the process runs.
    package func place(of tenant: String) -> Int {
        state.withLock { state in
            if let place = state.places[tenant] { return place }
            guard state.names.count <= Self.namesMax else { return 0 }
            state.names.append(tenant)
            state.places[tenant] = state.names.count - 1
            return state.names.count - 1
        }
    }

    package var names: [String] { state.withLock { $0.names } }
}
