// The configuration in force, and what was opened for it: the listening sockets, the log file and the store of API
// keys.
internal import Configuration
internal import HTTP
internal import Transport

/// Holds the configuration in force, and replaces it with a new one; used only by the control thread (the thread that
/// carries out reloads).
///
/// A replacement takes two steps. `prepare` does everything that can fail, and does not affect exchanges under way.
/// `commit` then puts the result in force, and cannot fail.
final class RunningConfiguration {
    /// A configuration that has passed all checks, and whose sockets are open; `commit` puts it in force.
    struct Prepared {
        fileprivate let configuration: Configuration
        fileprivate let asRead: Configuration
        fileprivate let members: FoundMembers
        fileprivate let listeners: [ListenerPlan]
        /// The API keys to use from now on; nil to keep the keys in force.
        fileprivate let authentication: AuthenticationSource.Prepared?
        fileprivate let sockets: ServerSockets
        /// The new output of the log, which is a file or stdout; nil to keep the present output.
        fileprivate let log: LogOutput?
        /// What differs from the configuration in force, one line for each difference.
        let changes: [String]
        /// The settings that keep their old values until a restart or a later reload, one line each, with the reason.
        let kept: [String]
    }

    /// Why the last reload was refused.
    struct Refusal {
        /// The time of the refusal, in seconds since 1970.
        let at: Int
        /// The reasons for the refusal, one line each; never empty.
        let errors: [String]
    }

    /// The configuration in force.
    ///
    /// A setting that cannot change now keeps its earlier value, whatever the configuration file says.
    private(set) var configuration: Configuration
    /// The configuration exactly as it was read, including new values that are not in force.
    private var asRead: Configuration
    /// The found executors and models, which the configuration file itself does not list.
    ///
    /// Found members come from separate files of executors, from the engines' lists of models, and from the addresses
    /// of host names.
    private(set) var members: FoundMembers
    /// The immutable state that the workers use: the configuration with the found members, resolved against the
    /// registry.
    private(set) var snapshot: Snapshot
    /// The listening sockets.
    private(set) var sockets: ServerSockets
    /// The time at which `snapshot` was put in force, in seconds since 1970.
    private(set) var since: Int
    /// The refusal of the last reload; nil if the last reload was not refused, or if there was none.
    private(set) var refusal: Refusal?
    /// How many reloads there were since the start, for each outcome.
    private(set) var reloads: [ReloadReport.Outcome: Int] = Dictionary(
        uniqueKeysWithValues: ReloadReport.Outcome.allCases.map { ($0, 0) }
    )
    /// The indices of the workers that have not begun to use `snapshot` within `Reloader.adoptTimeout` (30 s).
    var lateWorkers: [Int] = []

    /// The found executors and models that the server does not use, one line each with the reason.
    private var leftOut: [String] = []
    private var leftOutBefore: Set<String> = []

    /// Makes a snapshot of each configuration.
    ///
    /// Engines, executors and models that the previous snapshot also has keep their objects.
    let registry: Registry
    private let authentication = AuthenticationSource()
    private let budget: MemoryBudget
    /// Where the log is written: the file `log.file`, or stdout.
    let logFile: LogFile

    /// Puts the first configuration in force, and opens its sockets.
    ///
    /// - Parameters:
    ///   - environment: the environment variables of the process, some of which name sockets that systemd has opened.
    ///   - inheritance: the sockets and other state from the main process; nil unless an upgrade has started this
    ///     process.
    ///   - budget: the memory budget, whose limit `commit` sets to `memory_limit`.
    ///   - log: the log, which writes to `log.file` if that is configured.
    ///   - inherited: the state of the main process with the models and addresses that it has found; nil if there is
    ///     none.
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

    /// Makes this process remove, when it ends, the files of the unix sockets that it has taken over from the previous
    /// main process.
    func own() { sockets.own() }

    /// Makes this process no longer remove the files of these unix sockets when it ends, because its successor uses
    /// them.
    func disown(_ taken: Set<CInt>) { sockets.disown(taken) }

    // MARK: A new configuration

    /// Takes every step that can fail on the way to a new configuration, such as opening sockets and files.
    ///
    /// The caller must pass the result to `commit`, unless this is a dry run.
    ///
    /// - Parameters:
    ///   - found: the models and addresses that have been found; the executors in files are taken from `new`.
    ///   - isRehearsal: whether this is a dry run, which opens neither sockets nor the store of keys.
    /// - Returns: nil if nothing has changed: neither the configuration, nor its members, nor the contents of a
    ///   certificate file, of a `client_ca` file or of the secret that hashes the API keys. A memory limit that an
    ///   earlier reload did not put in force counts as a change.
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
        // Warnings are not compared: they count the days until a certificate expires, so they change each day. The
        // executors in separate files are not compared here, because `changes` already has their differences.
        var withEarlierWarnings = new
        withEarlierWarnings.warnings = asRead.warnings
        withEarlierWarnings.listedExecutors = asRead.listedExecutors
        // An earlier reload may have kept the old memory limit, because more memory was in use than the new limit
        // allows. This reload tries the new limit again.
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
    /// If one of them cannot be opened, the function closes everything that it has opened.
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

    /// Reads the certificate files again, and returns the configuration in force with the new certificates, ready for
    /// `commit`.
    ///
    /// A listener whose files cannot be used keeps its certificates. The other listeners still get their new
    /// certificates.
    ///
    /// - Returns: `prepared` is nil if no listener has new certificates. `problem` says why files cannot be used; it is
    ///   nil if all files can be used.
    func prepareCertificates() -> (prepared: Prepared?, problem: String?) {
        var problems: [String] = []
        // Both arrays have one element for each listener, in the same order, so `zip` pairs what is in use with what
        // was read.
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

    /// Returns the configuration in force with these found executors and models, ready for `commit`.
    ///
    /// - Returns: nil if the found executors and models are the same as those in force.
    func prepare(found: FoundMembers) -> Prepared? {
        let found = found.kept(for: configuration, after: members)
        guard found != members else { return nil }
        return same(listeners: snapshot.listeners, members: found, members.changes(to: found))
    }

    /// Returns the configuration in force with other certificates or members; the sockets and the log stay the same.
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

    /// Returns one line for each listener whose certificate files have changed, and one for each whose `client_ca` file
    /// has changed.
    private func renewals(_ listeners: [ListenerPlan]) -> [String] {
        listeners.flatMap { plan in
            guard let served = snapshot.listeners.first(where: { $0.key == plan.key }) else { return [String]() }
            var lines: [String] = []
            if served.renewsCertificates(plan) { lines.append("tls: new contents of the certificate") }
            if served.renewsAuthorities(plan) { lines.append("client_ca: new contents of the file") }
            return lines.map { "listeners[\(plan.address)].\($0)" }
        }
    }

    /// Puts a prepared configuration in force on the control thread; afterwards the caller passes `snapshot` to the
    /// workers.
    ///
    /// - Returns: the sockets that were open before. Once no worker uses the earlier snapshot,
    ///   `sockets.closeRemoved(from:)` closes the sockets that are no longer needed.
    func commit(_ prepared: Prepared) -> ServerSockets {
        let before = sockets
        if let access = prepared.authentication { authentication.commit(access) }
        configuration = prepared.configuration
        // If the workers now use more memory than the new limit allows, the old limit stays. The next reload tries
        // again.
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

    /// Returns the new configuration, but with the old values of settings that cannot change now.
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

    /// Returns one line for each open unix socket for which the new configuration sets another file mode or group.
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

    /// From now on, publishes the use of engines, executors and API keys to the other server processes of an upgrade.
    ///
    /// So each limit applies to the sum over all processes.
    ///
    /// - Parameter counts: the table that the processes share; nil ends the sharing.
    func share(in counts: SharedCounts?) {
        registry.share(in: counts)
        authentication.share(in: counts)
    }

    // MARK: Records

    /// Returns one line for each found executor or model that the server does not use, at most 10 lines.
    ///
    /// The result has no lines about executors and models that were already not used at the previous call.
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
    /// Whether this listener has the same certificate files in `new`, but their contents have changed.
    fileprivate func renewsCertificates(_ new: ListenerPlan) -> Bool {
        certificates.map(\.files) == new.certificates.map(\.files) && certificates != new.certificates
    }

    /// Whether this listener has the same `client_ca` file in `new`, but its contents have changed.
    fileprivate func renewsAuthorities(_ new: ListenerPlan) -> Bool {
        guard let clients = tls.clients, let renewed = new.tls.clients else { return false }
        return clients.path == renewed.path && clients.contents != renewed.contents
    }
}
