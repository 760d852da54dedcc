// The identity of a model, which lasts from one configuration to the next.
package import Routing

/// One model of the configuration; the registry keeps it for as long as a snapshot or an exchange refers to it.
package final class ModelEntry: Sendable {
    /// The number that identifies the model in this process; never used again for another model, and never 0.
    package let id: Int
    /// The model's id in the configuration, which clients use.
    package let name: String
    /// When a configuration first named the model, in seconds since 1970.
    package let knownSince: Int
    /// The part of the model's pool that outlives configurations, such as the queue of waiting exchanges.
    package let pool: PoolEntry

    /// Makes an entry; called by the registry, which gives out the ids.
    package init(id: Int, name: String, knownSince: Int, pool: PoolEntry) {
        self.id = id
        self.name = name
        self.knownSince = knownSince
        self.pool = pool
    }
}
