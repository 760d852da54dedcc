// Reads the configuration again and puts it in force while the process serves: all of it, or nothing.
internal import Configuration
internal import Transport

/// Reloads the configuration; confined to the control thread.
///
/// One reload is under way at a time. Those that are asked for meanwhile become one further reload, which begins after
/// all of them were asked for, so that each of them is answered by a reading of the file that is not older than itself.
final class Reloader {
    /// What a reload needs of the supervisor.
    struct Environment {
        /// Reads and checks the configuration file.
        var read: () -> Result<Configuration, ConfigurationErrors>
        /// Why no reload can begin now, such as that the process is ending; nil where one can.
        var obstacle: () -> String?
        /// Whether the process is ending.
        var isDraining: () -> Bool
        /// Gives a snapshot to everybody who needs one but the workers, and calls back once the names of its new
        /// executors are known or have taken too long.
        var adopt: (Snapshot, _ named: @escaping () -> Void) -> Void
        /// Posts a snapshot and its sockets to all workers.
        ///
        /// - Returns: the indices of the workers that will report that they have adopted it.
        var post: (Snapshot, [ListenerKey: ListenerSet]) -> Set<Int>
        /// What has been found to complete the configuration in force.
        var found: () -> FoundMembers
        /// Called when a reload begins, and when it has ended.
        var isReloading: (Bool) -> Void
        /// Calls back once `adoptTimeout` has passed.
        var later: (_ adoptTimeout: Nanoseconds, @escaping () -> Void) -> Void
    }

    /// Why a snapshot is given to the workers.
    private enum Cause { case reload, certificates, members }

    private struct UnderWay {
        var report: ReloadReport
        /// The sockets of the configuration before.
        var socketsBefore: ServerSockets
        /// The workers that have not adopted the snapshot yet.
        var pending: Set<Int> = []
        let cause: Cause
        /// Whether workers have taken too long, and whoever has asked was told so.
        var isLate = false
    }

    /// How long workers may take to begin to use a snapshot, in nanoseconds.
    ///
    /// A loop takes milliseconds for a turn. A pause of the whole process does not count.
    static let adoptTimeout: Nanoseconds = 30_000_000_000

    private let running: RunningConfiguration
    private let environment: Environment
    /// The sockets of earlier configurations that were not closed because the process drains.
    private var socketsLeft: [ServerSockets] = []
    /// The reload, or the renewal of certificates or members, that the workers have not all adopted yet.
    private var underWay: UnderWay?
    /// The callbacks that get the report of the reload under way.
    private var waiting: [(ReloadReport) -> Void] = []
    /// The callbacks that get the report of the next reload.
    private var next: [(ReloadReport) -> Void] = []
    /// Whether executors or models have come or gone, and no snapshot has them yet.
    private var hasFound = false

    init(_ running: RunningConfiguration, _ environment: Environment) {
        self.running = running
        self.environment = environment
    }

    /// Asks for a reload.
    ///
    /// - Parameter answered: called once with its outcome, possibly before this function returns.
    func reload(_ answered: @escaping (ReloadReport) -> Void = { _ in }) {
        next.append(answered)
        beginIfIdle()
    }

    /// What a reload would do now with what `read` returns; changes nothing.
    func rehearse(_ read: () -> Result<Configuration, ConfigurationErrors>) -> ReloadReport {
        var report = ReloadReport(outcome: .unchanged, generation: running.snapshot.generation)
        if prepare(&report, read, isRehearsal: true) != nil { report.outcome = .applied }
        return report
    }

    /// Puts the certificates in force as their files are now.
    ///
    /// - Returns: why some of them cannot be used; nil otherwise, and while a reload is under way, which reads them itself.
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

    /// Puts the executors and models in force that have been found; while a reload is under way, after its end.
    ///
    /// Before the process is ready nothing happens: it must be called again then.
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

    /// Posts the snapshot, once the names of its executors and the models of its engines are known.
    ///
    /// Models of an engine that is new are found meanwhile: a snapshot that has them takes the place of the first one.
    private func settled() {
        guard underWay != nil else { return }
        guard let prepared = running.prepare(found: environment.found()) else { return postToWorkers() }
        // The new snapshot has the same sockets, so the result of `commit` is not needed.
        _ = running.commit(prepared)
        underWay?.report.generation = running.snapshot.generation
        underWay?.report.changes += prepared.changes
        environment.adopt(running.snapshot) { [unowned self] in postToWorkers() }
    }

    /// Reads the file and does all that can fail; nil where nothing is to be done, which the report explains.
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

    /// Answers a reload that workers have not adopted in time: one that hangs must keep nobody waiting.
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

    /// Refuses what was asked for while workers are late with the generation before.
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

    /// Notes that a worker uses the snapshot of this generation.
    func adopted(worker: Int, generation: Int) {
        guard generation == running.snapshot.generation else { return }
        underWay?.pending.remove(worker)
        endIfAdopted()
    }

    /// Notes that a worker has ended, or ends.
    func ended(worker: Int) {
        guard underWay?.pending.remove(worker) != nil else { return }
        endIfAdopted()
    }

    private func endIfAdopted() {
        guard let finished = underWay, finished.pending.isEmpty else { return }
        underWay = nil
        // Workers of a process that drains may not have closed their listeners yet: its end closes all sockets.
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
