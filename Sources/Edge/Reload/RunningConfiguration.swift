// The configuration in force, and what belongs to it: the snapshot, the listening sockets, the store of keys.
internal import Configuration
internal import HTTP
internal import Transport

/// What the process runs with, from one configuration to the next; confined to the control thread.
///
/// A new configuration takes two steps. `prepare` does all that can fail, and changes nothing that serves. `commit`
/// cannot fail.
final class RunningConfiguration {
    /// A configuration that can be put in force.
    struct Prepared {
        fileprivate let configuration: Configuration
        fileprivate let asRead: Configuration
        fileprivate let members: FoundMembers
        fileprivate let listeners: [ListenerPlan]
        /// The prepared keys; nil to keep the authentication in force.
        fileprivate let authentication: AuthenticationSource.Prepared?
        fileprivate let sockets: ServerSockets
        /// Nil to keep the one in force.
        fileprivate let log: LogOutput?
        /// What is different from the configuration in force, one line each.
        let changes: [String]
        /// Settings that keep their values until a restart, with the reason.
        let kept: [String]
    }

    /// Why the last reload was refused.
    struct Refusal {
        /// In seconds since 1970.
        let at: Int
        /// The errors, each with its place; never empty.
        let errors: [String]
    }

    /// The configuration in force.
    ///
    /// Settings that cannot change while the process lives have the values that they began with.
    private(set) var configuration: Configuration
    /// The configuration as the file had it, without what is kept.
    private var asRead: Configuration
    /// What completes the configuration: executors that files list, models that engines list.
    private(set) var members: FoundMembers
    /// The configuration, completed and resolved.
    private(set) var snapshot: Snapshot
    /// The listening sockets.
    private(set) var sockets: ServerSockets
    /// Since when this generation has been in force, in seconds since 1970.
    private(set) var since: Int
    /// Why the last reload was refused; nil where there was none, or where one has succeeded since.
    private(set) var refusal: Refusal?
    /// How many reloads have ended in which way since the start.
    private(set) var reloads: [ReloadReport.Outcome: Int] = Dictionary(
        uniqueKeysWithValues: ReloadReport.Outcome.allCases.map { ($0, 0) }
    )
    /// The workers that have not begun to use this generation in time; the reloader sets it.
    var lateWorkers: [Int] = []

    /// What was found and is not used, of which the operator has not been told yet.
    private var leftOut: [String] = []
    private var leftOutBefore: Set<String> = []

    /// What outlives a configuration; resolves each one.
    let registry = Registry()
    private let authentication = AuthenticationSource()
    private let budget: MemoryBudget
    /// The file that the log goes to.
    let logFile: LogFile

    /// Puts the first configuration in force, and opens its sockets.
    ///
    /// - Parameters:
    ///   - environment: of the process; systemd's variables are read from it.
    ///   - budget: gets the configuration's `memory_limit` at a reload.
    ///   - log: is told where to write.
    /// - Throws: `StartError` where a file cannot be loaded or an address cannot be bound.
    init(
        _ configuration: Configuration,
        environment: [String: String],
        budget: MemoryBudget,
        log: LogSink
    ) throws(StartError) {
        self.configuration = configuration
        logFile = try LogFile(configuration.log.file, sink: log)
        self.budget = budget
        asRead = configuration
        let listeners = ListenerPlan.all(in: configuration)
        try StartChecks.loadFiles(of: configuration, listeners)
        let prepared = try authentication.prepare(configuration.authentication)
        members = FoundMembers(configuration)
        let completed = configuration.completed(by: members)
        leftOut = completed.leftOut
        snapshot = registry.resolve(completed.configuration, listeners: listeners, access: prepared.authenticator)
        do throws(StartError) {
            sockets = try ServerSockets(snapshot, environment: environment)
        } catch {
            authentication.discard(prepared)
            throw error
        }
        authentication.commit(prepared)
        since = Clock.wallTime().seconds
    }

    // MARK: A new configuration

    /// Does everything that can fail before a configuration is put in force.
    ///
    /// `commit` must follow, unless this is a rehearsal.
    ///
    /// - Parameters:
    ///   - found: what is known of engines' models; of files the new configuration has the lists.
    ///   - isRehearsal: whether nothing is to be committed: no socket and no store of keys is opened, and no secret is
    ///     made.
    /// - Returns: nil where nothing is different: neither the configuration nor a file of certificates or keys.
    /// - Throws: `StartError` where a file cannot be loaded or an address cannot be bound.
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
        // A certificate that comes nearer to its end changes the text of a warning, and nothing else. What files list
        // has been compared already.
        var withEarlierWarnings = new
        withEarlierWarnings.warnings = asRead.warnings
        withEarlierWarnings.listedExecutors = asRead.listedExecutors
        // An earlier reload may have kept the old memory limit because too much memory was in use; try the new limit
        // again.
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

    /// Opens the sockets and the log file of a configuration that are not open yet: all of them, or none.
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

    /// Does the same as `prepare` for the configuration in force, with its files of certificates as they are now.
    ///
    /// A listener whose files cannot be used keeps the certificates that it has; the others are renewed all the same.
    ///
    /// - Returns: nil for `prepared` where no listener has others; and why files cannot be used, nil where all can.
    func prepareCertificates() -> (prepared: Prepared?, problem: String?) {
        var problems: [String] = []
        // Both arrays have the order of `configuration.listeners`, so that `zip` pairs the plans of the same listener.
        let listeners = zip(snapshot.listeners, ListenerPlan.all(in: configuration)).map { served, plan in
            guard plan.certificates != served.certificates else { return served }
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

    /// Does the same for the configuration in force, completed by what has been found since.
    ///
    /// - Returns: nil where that is what completes it already.
    func prepare(found: FoundMembers) -> Prepared? {
        let found = found.kept(for: configuration, after: members)
        guard found != members else { return nil }
        return same(listeners: snapshot.listeners, members: found, members.changes(to: found))
    }

    /// The configuration in force with other certificates or other members.
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

    /// Returns one line for each listener whose certificates have new contents.
    private func renewals(_ listeners: [ListenerPlan]) -> [String] {
        let renewed = listeners.filter { plan in
            snapshot.listeners.contains { $0.key == plan.key && $0.renews(plan) }
        }
        return renewed.map { "listeners[\($0.address)].tls: new contents of the certificate" }
    }

    /// Puts a prepared configuration in force on the control thread; the workers still have to adopt the snapshot.
    ///
    /// - Returns: the sockets that were open before. Once no worker uses the earlier snapshot,
    ///   `sockets.closeRemoved(from:)` closes what is left of them.
    func commit(_ prepared: Prepared) -> ServerSockets {
        let before = sockets
        if let access = prepared.authentication { authentication.commit(access) }
        configuration = prepared.configuration
        // Workers may have taken memory since `prepare`: then the limit stays, and the next reload tries again.
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

    /// The configuration with those values of the running one that cannot change while the process lives.
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

    /// Returns one line for each open socket whose file has another mode or group in a new configuration.
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

    // MARK: Records

    /// What was found and is not used, and was not returned by the last call already; at most 10 lines.
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
    /// Whether another plan of this listener has the same files of certificates with other contents.
    fileprivate func renews(_ new: ListenerPlan) -> Bool {
        certificates.map(\.files) == new.certificates.map(\.files) && certificates != new.certificates
    }
}
