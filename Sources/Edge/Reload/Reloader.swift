// Reads the configuration again and puts it in force while the process serves. If anything fails, nothing changes.
internal import Configuration
internal import Transport

/// Reloads the configuration; confined to the control thread.
///
/// Only one reload is under way at a time. Requests for a reload that arrive meanwhile are answered together by one
/// further reload, which reads the file again. So no request is answered from a state of the file that is older than
/// the request.
final class Reloader {
    /// The functions of the supervisor that the reloader calls.
    struct Environment {
        /// Reads and checks the configuration.
        var read: () -> Result<Configuration, ConfigurationErrors>
        /// Returns the reason why no reload can begin now, such as the end of the process; nil if a reload can begin.
        var obstacle: () -> String?
        /// Whether the process drains, after which it ends.
        var isDraining: () -> Bool
        /// Passes a snapshot to all objects on the control thread that use the snapshot in force.
        ///
        /// Calls `named` once new host names are resolved and new engines have listed their models, or once
        /// `StartChecks.namesTimeout` has passed.
        var adopt: (Snapshot, _ named: @escaping () -> Void) -> Void
        /// Posts a snapshot and its sockets to all workers.
        ///
        /// - Returns: the indices of the workers that will report that they use the snapshot.
        var post: (Snapshot, [ListenerKey: ListenerSet]) -> Set<Int>
        /// Returns the executors, models and addresses that were found outside of the configuration file.
        var found: () -> FoundMembers
        /// Called with true when a reload begins, and with false when it has ended.
        var isReloading: (Bool) -> Void
        /// Calls the given function after the given time in nanoseconds; the reloader passes `adoptTimeout`.
        var later: (_ adoptTimeout: Nanoseconds, @escaping () -> Void) -> Void
    }

    /// Why the workers get a new snapshot.
    private enum Cause { case reload, certificates, members }

    private struct UnderWay {
        var report: ReloadReport
        /// The sockets of the earlier configuration.
        var socketsBefore: ServerSockets
        /// The workers that have not adopted the snapshot yet.
        var pending: Set<Int> = []
        let cause: Cause
        /// Whether it has been reported that some workers did not adopt the snapshot within `adoptTimeout`.
        var isLate = false
    }

    /// The time within which every worker must begin to use a new snapshot, in nanoseconds.
    ///
    /// One turn of a worker's loop takes milliseconds. Time during which the whole process is paused does not count,
    /// because the loop's clock stands still then.
    static let adoptTimeout: Nanoseconds = 30_000_000_000

    private let running: RunningConfiguration
    private let environment: Environment
    /// The sockets of earlier configurations that stay open until the end of the process, because it drains.
    private var socketsLeft: [ServerSockets] = []
    /// The change that some workers have not adopted yet: a reload, renewed certificates, or new members; nil if none.
    private var underWay: UnderWay?
    /// The callbacks that get the report of the reload under way.
    private var waiting: [(ReloadReport) -> Void] = []
    /// The callbacks that get the report of the next reload.
    private var next: [(ReloadReport) -> Void] = []
    /// Whether executors, models or addresses have been found that no snapshot contains yet.
    private var hasFound = false

    init(_ running: RunningConfiguration, _ environment: Environment) {
        self.running = running
        self.environment = environment
    }

    /// Whether the workers are getting a new snapshot.
    var isUnderWay: Bool { underWay != nil }

    /// Asks for a reload.
    ///
    /// - Parameter answered: called once with the report, possibly before this function returns.
    func reload(_ answered: @escaping (ReloadReport) -> Void = { _ in }) {
        next.append(answered)
        beginIfIdle()
    }

    /// Does a dry run: returns the report that a reload with the configuration from `read` would give, but changes
    /// nothing.
    func rehearse(_ read: () -> Result<Configuration, ConfigurationErrors>) -> ReloadReport {
        var report = ReloadReport(outcome: .unchanged, generation: running.snapshot.generation)
        if prepare(&report, read, isRehearsal: true) != nil { report.outcome = .applied }
        return report
    }

    /// Reads the certificate files again, and puts changed certificates in force.
    ///
    /// Does nothing while another change is under way (`isUnderWay`), or while no reload can begin
    /// (`Environment.obstacle`). A reload reads the certificate files, too.
    ///
    /// - Returns: why some of the certificates cannot be used; nil if no problem was found, or if nothing was done.
    func renewCertificates() -> String? {
        guard underWay == nil, environment.obstacle() == nil else { return nil }
        let (prepared, problem) = running.prepareCertificates()
        if let prepared {
            var report = ReloadReport(outcome: .applied, generation: 0)
            report.changes = prepared.changes
            adopt(prepared, report, .certificates)
        }
        return problem
    }

    /// Puts the found executors and models in force, now or after the end of the reload that is under way.
    ///
    /// Before the process is ready, nothing is put in force. The supervisor must call this function again once the
    /// process is ready.
    func takeFound() {
        hasFound = true
        beginIfIdle()
    }

    private func beginIfIdle() {
        if let late = underWay, late.isLate, !next.isEmpty { return refuseBehind(late) }
        guard underWay == nil else { return }
        guard !next.isEmpty else {
            if hasFound { beginWithFound() }
            return
        }
        (waiting, next) = (next, [])
        environment.isReloading(true)
        var report = ReloadReport(outcome: .unchanged, generation: running.snapshot.generation)
        guard let prepared = prepare(&report, environment.read) else {
            end(report)
            return
        }
        report.outcome = .applied
        adopt(prepared, report, .reload)
    }

    private func beginWithFound() {
        guard environment.obstacle() == nil else { return }
        hasFound = false
        guard let prepared = running.prepare(found: environment.found()) else { return }
        var report = ReloadReport(outcome: .applied, generation: 0)
        report.changes = prepared.changes
        adopt(prepared, report, .members)
    }

    private func adopt(_ prepared: RunningConfiguration.Prepared, _ report: ReloadReport, _ cause: Cause) {
        underWay = UnderWay(report: report, socketsBefore: running.commit(prepared), cause: cause)
        underWay?.report.generation = running.snapshot.generation
        environment.adopt(running.snapshot) { [unowned self] in settled() }
    }

    /// Posts the new snapshot to the workers, once host names are resolved and engines have listed their models, or
    /// `StartChecks.namesTimeout` has passed.
    ///
    /// If executors, models or addresses have been found outside of the configuration file meanwhile, a further
    /// snapshot that contains them is made, and is posted instead.
    private func settled() {
        guard underWay != nil else { return }
        guard let prepared = running.prepare(found: environment.found()) else { return postToWorkers() }
        // The further snapshot has the same sockets as the one that it replaces, so no socket has to be closed.
        _ = running.commit(prepared)
        underWay?.report.generation = running.snapshot.generation
        underWay?.report.changes += prepared.changes
        environment.adopt(running.snapshot) { [unowned self] in postToWorkers() }
    }

    /// Reads the configuration and takes all steps of the reload that can fail.
    ///
    /// - Returns: nil if there is nothing to put in force; the report then contains the reason.
    private func prepare(
        _ report: inout ReloadReport,
        _ read: () -> Result<Configuration, ConfigurationErrors>,
        isRehearsal: Bool = false
    ) -> RunningConfiguration.Prepared? {
        if let obstacle = environment.obstacle() {
            report.outcome = .refused
            report.errors = [obstacle]
            return nil
        }
        switch read() {
        case .failure(let errors):
            report.outcome = .refused
            report.errors = errors.problems.map(\.description)
            report.warnings = errors.all.filter(\.isWarning).map(\.description)
            return nil
        case .success(let configuration):
            report.warnings = configuration.warnings.map(\.description)
            if !configuration.variables.isEmpty {
                let names = configuration.variables.joined(separator: ", ")
                report.notes = ["values from the environment are those of the start of the process: \(names)"]
            }
            return prepare(configuration, &report, isRehearsal: isRehearsal)
        }
    }

    private func prepare(
        _ configuration: Configuration,
        _ report: inout ReloadReport,
        isRehearsal: Bool
    ) -> RunningConfiguration.Prepared? {
        do throws(StartError) {
            let prepared = try running.prepare(configuration, found: environment.found(), isRehearsal: isRehearsal)
            guard let prepared else { return nil }
            report.changes = prepared.changes
            report.kept = prepared.kept
            return prepared
        } catch {
            report.outcome = .refused
            report.errors = [error.description]
            return nil
        }
    }

    private func postToWorkers() {
        guard underWay != nil else { return }
        underWay?.pending = environment.post(running.snapshot, running.sockets.clients)
        let generation = running.snapshot.generation
        environment.later(Self.adoptTimeout) { [weak self] in self?.reportLate(generation) }
        endIfAdopted()
    }

    // MARK: Workers that are late

    /// Reports that some workers have not begun to use a snapshot within `adoptTimeout`.
    ///
    /// If the snapshot comes from a reload, the reload ends with this report. So an operator who asked for the reload
    /// does not wait for a worker that hangs.
    private func reportLate(_ generation: Int) {
        guard var late = underWay, !late.pending.isEmpty, generation == running.snapshot.generation else { return }
        late.isLate = true
        late.report.outcome = .incomplete
        late.report.errors = [Self.text(late, generation: generation)]
        underWay = late
        running.lateWorkers = late.pending.sorted()
        if late.cause == .reload {
            end(late.report)
        } else {
            let what =
                late.cause == .certificates ? "renewed certificates" : "executors or models that have come or gone"
            OperatorLog.say("\(what) are not in force on all workers: \(late.report.errors[0])", .error)
            beginIfIdle()
        }
    }

    /// Refuses the requested reloads, because some workers still use an older snapshot.
    private func refuseBehind(_ late: UnderWay) {
        (waiting, next) = (next, [])
        environment.isReloading(true)
        let generation = running.snapshot.generation
        var report = ReloadReport(outcome: .refused, generation: generation)
        report.errors = ["\(Self.text(late, generation: generation)): no reload can begin before"]
        end(report)
    }

    private static func text(_ late: UnderWay, generation: Int) -> String {
        let list = late.pending.sorted().map(String.init).joined(separator: ", ")
        let which = late.pending.count == 1 ? "worker \(list) has" : "workers \(list) have"
        return "\(which) not begun to use generation \(generation) within \(adoptTimeout / 1_000_000_000) s"
    }

    /// Closes the sockets of removed listeners that are still open, at the end of the process.
    func closeLeftSockets() {
        for sockets in socketsLeft + [underWay?.socketsBefore].compactMap(\.self) {
            running.sockets.closeRemoved(from: sockets)
        }
        (socketsLeft, underWay) = ([], nil)
    }

    /// Records that a worker has begun to use the snapshot of this generation.
    func adopted(worker: Int, generation: Int) {
        guard generation == running.snapshot.generation else { return }
        underWay?.pending.remove(worker)
        endIfAdopted()
    }

    /// Records that a worker has ended or is ending; no reload waits for this worker any more.
    func ended(worker: Int) {
        guard underWay?.pending.remove(worker) != nil else { return }
        endIfAdopted()
    }

    private func endIfAdopted() {
        guard let finished = underWay, finished.pending.isEmpty else { return }
        underWay = nil
        // While the process drains, workers may still use the removed listeners. Their sockets are closed by
        // `closeLeftSockets` at the end of the process.
        if environment.isDraining() {
            socketsLeft.append(finished.socketsBefore)
        } else {
            running.sockets.closeRemoved(from: finished.socketsBefore)
        }
        running.lateWorkers = []
        for line in running.newlyLeftOut() { OperatorLog.warn(line) }
        if finished.isLate {
            OperatorLog.say("all workers use generation \(running.snapshot.generation) now")
            return beginIfIdle()
        }
        guard finished.cause == .reload else {
            let generation = "generation \(finished.report.generation)"
            let first =
                finished.cause == .certificates
                ? "renewed certificates are served, \(generation)"
                : "executors or models have come or gone, \(generation) is in force"
            OperatorLog.say(([first] + finished.report.changes.map { "  \($0)" }).joined(separator: "\n"))
            beginIfIdle()
            return
        }
        end(finished.report)
    }

    private func end(_ report: ReloadReport) {
        running.record(report)
        let priority: LogPriority = report.errors.isEmpty ? .information : .error
        OperatorLog.say(([report.summary] + report.lines.map { "  \($0)" }).joined(separator: "\n"), priority)
        environment.isReloading(false)
        let answers = waiting
        waiting = []
        for answer in answers { answer(report) }
        beginIfIdle()
    }
}
