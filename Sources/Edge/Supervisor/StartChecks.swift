// Checks of a configuration on this machine. `loadFiles` runs at each start and reload of the server,
// `descriptorWarnings` at each start and in `freeinference check`, and `nameWarnings` only in `freeinference check`.
package import Configuration
internal import HTTP
internal import Transport

/// Checks whether this machine can run a configuration whose text is valid.
package enum StartChecks {
    /// The longest time that the start of the server, a reload and `freeinference check` wait for the host names of
    /// executors to be resolved, in nanoseconds: 2 s.
    ///
    /// The start and a reload wait at most as long for the lists of models that they ask engines for.
    static let namesTimeout: Nanoseconds = 2_000_000_000

    /// Loads the certificates of every listener and the certificate authorities of every executor.
    ///
    /// This check finds errors before anything changes. Each worker later makes its own TLS contexts from the same
    /// files.
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

    /// Returns a warning if RLIMIT_NOFILE leaves fewer descriptors for connections of clients than `max_connections`.
    ///
    /// - Parameter limit: the value of RLIMIT_NOFILE; by default the hard limit of this process.
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

    /// Resolves the host names of all executors, and returns a warning for each host name that cannot be resolved.
    ///
    /// Blocks until each name has been resolved or has failed, for at most `namesTimeout`.
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
