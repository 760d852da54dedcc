// A model as it is known from one configuration to the next.
package import Routing

/// Identified by the model's id in the configuration, for as long as a snapshot or an exchange names it.
package final class ModelEntry: Sendable {
    /// Identifies the model in this process; never reused, never 0, and no position in anything.
    package let id: Int
    /// The model's id in the configuration, which clients use.
    package let name: String
    /// When it was first named, in seconds since 1970.
    package let knownSince: Int
    /// Who waits for the model.
    package let pool: PoolEntry

    package init(id: Int, name: String, knownSince: Int, pool: PoolEntry) {
        self.id = id
        self.name = name
        self.knownSince = knownSince
        self.pool = pool
    }
}
