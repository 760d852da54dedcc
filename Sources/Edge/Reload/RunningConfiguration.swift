// The configuration in force, with its snapshot, its listening sockets and its store of API keys.
internal import Configuration
internal import HTTP
internal import Transport

/// Holds the configuration in force, and replaces it with a new one; confined to the control thread.
///
/// A replacement takes two steps. `prepare` takes every step that can fail, and does not affect exchanges under way.
/// `commit` cannot fail.
final class RunningConfiguration {
    /// A configuration that has passed all checks and whose sockets are open, ready for `commit`.
    struct Prepared {
        fileprivate let configuration: Configuration
        fileprivate let asRead: Configuration
        fileprivate let members: FoundMembers
        fileprivate let listeners: [ListenerPlan]
        /// The API keys to use from now on; nil to keep the keys in force.
        fileprivate let authentication: AuthenticationSource.Prepared?
        fileprivate let sockets: ServerSockets
        /// The new destination of the log; nil to keep the present one.
        fileprivate let log: LogOutput?
        /// The differences from the configuration in force, one line each.
        let changes: [String]
        /// Settings whose new values are not applied, one line each, with the reason.
        let kept: [String]
    }

    /// Why the last reload was refused.
    struct Refusal {
        /// The time of the refusal, in seconds since 1970.
        let at: Int
        /// The reasons, one line each; never empty.
        let errors: [String]
    }

    /// The configuration in force.
    ///
    /// A setting that cannot change while the process runs keeps the value that it had at the start.
    private(set) var configuration: Configuration
    /// The configuration exactly as it was read, including values that are not applied.
    private var asRead: Configuration
    /// The members that the configuration itself does not list: executors of separate files, models of engines,
    /// addresses of host names.
    private(set) var members: FoundMembers
    /// The configuration with the found members, resolved against the registry.
    private(set) var snapshot: Snapshot
    /// The listening sockets.
    private(set) var sockets: ServerSockets
    /// The time at which `snapshot` was put in force, in seconds since 1970.
    private(set) var since: Int
    /// The refusal of the last reload; nil if the last reload was not refused, or if there was none.
    private(set) var refusal: Refusal?
    /// The number of reloads since the start, by outcome.
    private(set) var reloads: [ReloadReport.Outcome: Int] = Dictionary(
        uniqueKeysWithValues: ReloadReport.Outcome.allCases.map { ($0, 0) }
    )
    /// The indices of the workers that have not begun to use `snapshot` in time.
    var lateWorkers: [Int] = []

    /// The found executors and models that are not used, one line each with the reason.
    private var leftOut: [String] = []
    private var leftOutBefore: Set<String> = []

    /// Resolves each configuration to a snapshot; keeps engines, executors and models from one snapshot to the next.
    let registry: Registry
    private let authentication = AuthenticationSource()
    private let budget: MemoryBudget
    /// The destination of the log: `log.file`, or stdout.
    let logFile: LogFile

    /// Puts the first configuration in force, and opens its sockets.
    ///
    /// - Parameters:
    ///   - environment: the environment variables of the process, some of which name sockets that systemd has opened.
    ///   - inheritance: what the main process hands over, with the sockets; nil if no upgrade has started this process.
    ///   - budget: the memory budget, whose limit `commit` sets to `memory_limit`.
    ///   - log: the log, which writes to `log.file` if that is configured.
    ///   - inherited: the models and addresses that another process has found; nil if there are none.
    /// - Throws: `StartError` if a file cannot be loaded or an address cannot be bound.
    init(
        _ configuration: Configuration,
        environment: [String: String],
        inheritance: Inheritance? = nil,
        budget: MemoryBudget,
        log: LogSink,
        inherited: InheritedState? = nil
    ) throws(StartError) {
        self.configuration = configuration
        logFile = try LogFile(configuration.log.file, sink: log)
        self.budget = budget
        registry = Registry(memory: budget)
        asRead = configuration
        let listeners = ListenerPlan.all(in: configuration)
        try StartChecks.loadFiles(of: configuration, listeners)
        let prepared = try authentication.prepare(configuration.authentication)
        let listed = FoundMembers(configuration)
        members = inherited?.found.added(to: listed, for: configuration) ?? listed
        let completed = configuration.completed(by: members)
        leftOut = completed.leftOut
        snapshot = registry.resolve(completed.configuration, listeners: listeners, access: prepared.authenticator)
        do throws(StartError) {
            if let inheritance {
                sockets = try ServerSockets(snapshot, from: inheritance)
            } else {
                sockets = try ServerSockets(snapshot, environment: environment)
            }
        } catch {
            authentication.discard(prepared)
            throw error
        }
        authentication.commit(prepared)
        since = Clock.wallTime().seconds
    }

    /// Makes this process responsible for removing the files of the unix sockets that it has taken over.
    func own() { sockets.own() }

    /// Makes this process no longer remove the files of the unix sockets with these descriptors, because a successor
    /// does.
    func disown(_ taken: Set<CInt>) { sockets.disown(taken) }

    // MARK: A new configuration

    /// Takes every step of putting a configuration in force that can fail.
    ///
    /// The caller must pass the result to `commit`, unless this is a rehearsal.
    ///
    /// - Parameters:
    ///   - found: the models and addresses that have been found; the executors in files are taken from `new`.
    ///   - isRehearsal: whether this is a dry run, which opens no socket and no store of keys.
    /// - Returns: nil if nothing has changed: neither the configuration, nor its members, nor a file of certificates or
    ///   keys.
    /// - Throws: `StartError` if a file cannot be loaded or an address cannot be bound.
    func prepare(
        _ new: Configuration,
        found: FoundMembers,
        isRehearsal: Bool = false
    ) throws(StartError) -> Prepared? {
        let listeners = ListenerPlan.all(in: new)
        try StartChecks.loadFiles(of: new, listeners)
        let (effective, kept) = keeping(new)
        var changes = asRead.outline.changes(to: new.outline)
        changes += renewals(listeners)
        var found = found
        found.files = new.listedExecutors
        let members = found.kept(for: new, after: self.members)
        if !isRehearsal { changes += self.members.changes(to: members) }
        let access = isRehearsal ? nil : try authentication.prepare(new.authentication)
        if access?.isNewStore == true { changes.append("authentication: another store of keys, or another secret") }
        // Warnings are not compared, because they count the days until a certificate expires and so change each day.
        // The executors that separate files list are not compared here either, because `changes` already has their
        // differences.
        var withEarlierWarnings = new
        withEarlierWarnings.warnings = asRead.warnings
        withEarlierWarnings.listedExecutors = asRead.listedExecutors
        // An earlier reload may have kept the old memory limit, because too much memory was in use. If so, the new
        // limit is tried again.
        let takesMemory = effective.memoryLimitBytes != configuration.memoryLimitBytes
        guard withEarlierWarnings != asRead || !changes.isEmpty || takesMemory else {
            if let access { authentication.discard(access) }
            return nil
        }
        if changes.isEmpty, takesMemory { changes.append("memory_limit: what was kept before is taken") }
        do throws(StartError) {
            let opened = isRehearsal ? (sockets: sockets, log: nil) : try open(effective, listeners)
            return Prepared(
                configuration: effective,
                asRead: new,
                members: members,
                listeners: listeners,
                authentication: access,
                sockets: opened.sockets,
                log: opened.log,
                changes: changes,
                kept: kept
            )
        } catch {
            if let access { authentication.discard(access) }
            throw error
        }
    }

    /// Opens the sockets and the log file of a configuration, except those that are open already.
    ///
    /// If one of them cannot be opened, everything that this function has opened is closed again.
    private func open(
        _ configuration: Configuration,
        _ listeners: [ListenerPlan]
    ) throws(StartError) -> (sockets: ServerSockets, log: LogOutput?) {
        let output = try logFile.prepare(configuration.log.file)
        do throws(StartError) {
            return (try sockets.opening(listeners, ProcessSettings(configuration)), output)
        } catch {
            output?.close()
            throw error
        }
    }

    /// Returns the configuration in force with certificates that are read from their files again, ready for `commit`.
    ///
    /// A listener whose files cannot be used keeps its certificates. The other listeners still get their new
    /// certificates.
    ///
    /// - Returns: `prepared` is nil if no listener has new certificates. `problem` says why files cannot be used; it is
    ///   nil if all files can be used.
    func prepareCertificates() -> (prepared: Prepared?, problem: String?) {
        var problems: [String] = []
        // Both arrays have the order of the configuration's listeners.
        let listeners = zip(snapshot.listeners, ListenerPlan.all(in: configuration)).map { served, plan in
            guard plan.certificates != served.certificates || plan.tls != served.tls else { return served }
            do throws(TLSError) {
                _ = try plan.makeContexts(TicketKeys { 0 })
                return plan
            } catch {
                problems.append("\(error)")
                return served
            }
        }
        let changes = renewals(listeners)
        let problem = problems.isEmpty ? nil : problems.joined(separator: "; ")
        guard !changes.isEmpty else { return (nil, problem) }
        return (same(listeners: listeners, members: members, changes), problem)
    }

    /// Returns the configuration in force with the members of `found`, ready for `commit`.
    ///
    /// - Returns: nil if the members are the same as those in force.
    func prepare(found: FoundMembers) -> Prepared? {
        let found = found.kept(for: configuration, after: members)
        guard found != members else { return nil }
        return same(listeners: snapshot.listeners, members: found, members.changes(to: found))
    }

    /// Returns the configuration in force with other certificates or members, without opening a socket.
    private func same(listeners: [ListenerPlan], members: FoundMembers, _ changes: [String]) -> Prepared {
        Prepared(
            configuration: configuration,
            asRead: asRead,
            members: members,
            listeners: listeners,
            authentication: nil,
            sockets: sockets,
            log: nil,
            changes: changes,
            kept: []
        )
    }

    /// Returns one line for each listener whose certificate files have new contents, and one line for each listener
    /// whose `client_ca` file has new contents.
    private func renewals(_ listeners: [ListenerPlan]) -> [String] {
        listeners.flatMap { plan in
            guard let served = snapshot.listeners.first(where: { $0.key == plan.key }) else { return [String]() }
            var lines: [String] = []
            if served.renewsCertificates(plan) { lines.append("tls: new contents of the certificate") }
            if served.renewsAuthorities(plan) { lines.append("client_ca: new contents of the file") }
            return lines.map { "listeners[\(plan.address)].\($0)" }
        }
    }

    /// Puts a prepared configuration in force on the control thread; the workers still have to adopt the snapshot.
    ///
    /// - Returns: the sockets that were open before. Once no worker uses the earlier snapshot,
    ///   `sockets.closeRemoved(from:)` closes the sockets that are no longer needed.
    func commit(_ prepared: Prepared) -> ServerSockets {
        let before = sockets
        if let access = prepared.authentication { authentication.commit(access) }
        configuration = prepared.configuration
        // If workers have taken too much memory since `prepare`, the old limit stays. The next reload tries again.
        if !budget.setLimit(configuration.memoryLimitBytes) { configuration.memoryLimitBytes = budget.limit }
        asRead = prepared.asRead
        sockets = prepared.sockets
        members = prepared.members
        let completed = configuration.completed(by: members)
        leftOut = completed.leftOut
        if let output = prepared.log { logFile.commit(output) }
        snapshot = registry.resolve(
            completed.configuration,
            listeners: prepared.listeners,
            access: prepared.authentication?.authenticator ?? snapshot.access
        )
        since = Clock.wallTime().seconds
        return before
    }

    /// Returns the new configuration, in which settings that cannot change now keep their present values.
    ///
    /// `kept` has one line for each new value that is not applied, with the reason.
    private func keeping(_ new: Configuration) -> (Configuration, kept: [String]) {
        var effective = new
        var kept: [String] = []
        if ProcessSettings(new).workers != snapshot.process.workers {
            kept.append("workers: stays \(snapshot.process.workers) until a restart")
        }
        effective.workers = .count(snapshot.process.workers)
        if new.poller != configuration.poller {
            kept.append("poller: stays \(configuration.poller.rawValue) until a restart")
            effective.poller = configuration.poller
        }
        let used = budget.used
        if new.memoryLimitBytes < used {
            kept.append(
                "memory_limit: stays \(budget.limit >> 20) MiB, since \(used >> 20) MiB are used: reload again later"
            )
            effective.memoryLimitBytes = budget.limit
        }
        kept += keptSocketAccess(new)
        if new.admin.address == configuration.admin.address {
            effective.admin.socketAccess = configuration.admin.socketAccess
        }
        return (effective, kept)
    }

    /// Returns one line for each open unix socket whose file has another mode or group in the new configuration.
    private func keptSocketAccess(_ new: Configuration) -> [String] {
        let text = "the mode and the group of its socket stay until a restart"
        let old = Dictionary(configuration.listeners.map { ($0.address, $0.socketAccess) }, uniquingKeysWith: { $1 })
        var kept = new.listeners
            .filter { listener in old[listener.address].map { $0 != listener.socketAccess } ?? false }
            .map { "listeners[\($0.address)]: \(text)" }
        let (admin, oldAdmin) = (new.admin, configuration.admin)
        if admin.address == oldAdmin.address, admin.socketAccess != oldAdmin.socketAccess {
            kept.append("admin: \(text)")
        }
        return kept
    }

    // MARK: Other processes

    /// From now on, publishes the use of engines, executors and API keys to the other processes of an upgrade.
    ///
    /// Limits are then compared with the sums over all processes.
    ///
    /// - Parameter counts: the table that the processes share; nil ends the sharing.
    func share(in counts: SharedCounts?) {
        registry.share(in: counts)
        authentication.share(in: counts)
    }

    // MARK: Records

    /// Returns one line for each found executor or model that is not used, at most 10 lines.
    ///
    /// Lines that were already there at the previous call are left out.
    func newlyLeftOut() -> [String] {
        let new = leftOut.filter { !leftOutBefore.contains($0) }
        leftOutBefore = Set(leftOut)
        guard new.count > 10 else { return new }
        return new.prefix(9) + ["\(new.count - 9) more executors or models are left out for such reasons"]
    }

    /// Records how a reload has ended.
    func record(_ report: ReloadReport) {
        reloads[report.outcome, default: 0] += 1
        refusal = report.outcome == .refused ? Refusal(at: Clock.wallTime().seconds, errors: report.errors) : nil
    }
}

extension ListenerPlan {
    /// Whether `new`, a plan of the same listener, has the same certificate files with other contents.
    fileprivate func renewsCertificates(_ new: ListenerPlan) -> Bool {
        certificates.map(\.files) == new.certificates.map(\.files) && certificates != new.certificates
    }

    /// Whether `new`, a plan of the same listener, has the same `client_ca` file with other contents.
    fileprivate func renewsAuthorities(_ new: ListenerPlan) -> Bool {
        guard let clients = tls.clients, let renewed = new.tls.clients else { return false }
        return clients.path == renewed.path && clients.contents != renewed.contents
    }
}
