// What is checked before the sockets are opened. `freeinference check` runs the two checks that only warn.
package import Configuration
internal import HTTP
internal import Transport

/// Checks of a configuration against this machine, beyond what reading its files finds.
package enum StartChecks {
    /// How long the start, and `check`, wait for names of executors to be resolved, in nanoseconds.
    static let namesTimeout: Nanoseconds = 2_000_000_000

    /// Tries the certificates of every listener and the authorities of every executor.
    ///
    /// Each worker makes its own TLS contexts of them; an error is found here, before anything changes.
    ///
    /// - Throws: `StartError` with the first file that cannot be used.
    static func loadFiles(of configuration: Configuration, _ listeners: [ListenerPlan]) throws(StartError) {
        for plan in listeners {
            do throws(TLSError) { _ = try plan.makeContexts(TicketKeys { 0 }) } catch {
                throw StartError(description: "\(error)")
            }
        }
        let executors =
            configuration.models.flatMap(\.executors) + configuration.discoveries.map(\.engine)
            + configuration.listedExecutors.values.joined()
        let authorities = executors.compactMap(\.certificateAuthorityPath)
        for file in Set(authorities).sorted() {
            if let error = ExecutorEnvironment.problem(withAuthorities: file) {
                throw StartError(description: error.description)
            }
        }
    }

    /// A warning if the process has too few descriptors for `max_connections`.
    ///
    /// - Parameter limit: RLIMIT_NOFILE, by default that of this process.
    package static func descriptorWarnings(
        _ configuration: Configuration,
        limit: Int = Sockets.descriptorLimit
    ) -> [String] {
        descriptorWarnings(ProcessSettings(configuration), limit: limit)
    }

    static func descriptorWarnings(_ settings: ProcessSettings, limit: Int = Sockets.descriptorLimit) -> [String] {
        let most = ConnectionRoom.descriptors(ofLimit: limit, workers: settings.workers)
        guard settings.connectionsMax > most else { return [] }
        let allowed = "RLIMIT_NOFILE is \(limit), of which executors keep a quarter"
        return ["warning: max_connections: \(most) may come in, not \(settings.connectionsMax): \(allowed)"]
    }

    /// Warnings about names of executors that do not resolve now, for `check`.
    ///
    /// Waits for the names for up to `namesTimeout`, as a start does.
    package static func nameWarnings(_ configuration: Configuration) -> [String] {
        let loop = EventLoop()
        var warnings: [String] = []
        let found = FoundMembers(configuration)
        let resolver = NameResolver(
            loop: loop,
            books: Registry().resolve(configuration.completed(by: found).configuration).addresses,
            lists: configuration.lookups(beside: found).map { AddressList($0) {} }
        ) { warnings.append($0) }
        var isSettled = false
        resolver.start(timeout: namesTimeout) { isSettled = true }
        while !isSettled { loop.turn() }
        resolver.stop()
        loop.dismantle()
        return warnings
    }
}
