// The settings of the process as a whole, in the units in which the process uses them.
package import Configuration
package import Transport

/// The settings of the process: its threads, connections, shutdown and admin listener.
///
/// `workers` and `poller` are read once, at the start, and hold until the process ends.
package struct ProcessSettings: Sendable {
    /// How many worker threads there are; at least 1.
    package let workers: Int
    /// `max_connections`; memory and descriptors may allow fewer connections (`ConnectionRoom`).
    package let connectionsMax: Int
    /// Whether and how long a busy worker waits before it polls its sockets, so that one turn handles more input.
    package let gather: Gather
    /// How workers learn which sockets are ready: by epoll alone, or also by io_uring.
    package let poller: PollerChoice
    /// How long the process still serves after it has been asked to end, in nanoseconds; health checks get 503 in this
    /// time.
    package let lameDuck: Nanoseconds
    /// How long exchanges may continue after the process has stopped accepting connections, in nanoseconds.
    package let drainTimeout: Nanoseconds
    /// How long exchanges may continue in this process after an upgrade has put a newer process in its place, in
    /// nanoseconds.
    package let upgradeDrain: Nanoseconds
    /// How many older processes may drain at once after upgrades; at least 1.
    package let upgradeGenerations: Int
    /// How long each of two steps of an upgrade may take: until the new process is ready, and from then until it
    /// accepts connections; in nanoseconds.
    package let upgradeTimeout: Nanoseconds
    /// The admin listener, which serves metrics and health.
    package let admin: Configuration.Admin

    init(_ configuration: Configuration) {
        workers =
            switch configuration.workers {
            case .auto: Processors.available
            case .count(let count): count
            }
        connectionsMax = configuration.maxConnections
        gather = Gather(configuration.gather)
        poller = configuration.poller == .epoll ? .epoll : .auto
        lameDuck = Nanoseconds(configuration.lameDuck.inNanoseconds)
        drainTimeout = Nanoseconds(configuration.drainTimeout.inNanoseconds)
        upgradeDrain = Nanoseconds(configuration.upgradeDrain.inNanoseconds)
        upgradeGenerations = configuration.upgradeGenerations
        upgradeTimeout = Nanoseconds(configuration.upgradeTimeout.inNanoseconds)
        admin = configuration.admin
    }
}

extension Gather {
    fileprivate init(_ setting: Configuration.Gather) {
        self =
            switch setting {
            case .auto: .auto
            case .off: .off
            case .interval(let duration): .fixed(Nanoseconds(duration.inNanoseconds))
            }
    }
}
