// Starts a new process that takes the place of this one, and hands sockets and state over to it once it is ready.
internal import CLinux
internal import Glibc
internal import Transport

/// The main process's side of an upgrade; confined to the control thread.
///
/// At most one upgrade is under way at a time. This process goes on serving until the successor accepts connections. If
/// the successor fails before that, this process goes on serving as before.
final class Upgrader {
    /// The functions of the supervisor that the upgrader calls.
    struct Environment {
        /// Returns why no upgrade can begin now; nil if an upgrade can begin.
        var obstacle: () -> String?
        /// Returns the settings in force.
        var settings: () -> ProcessSettings
        /// Returns the message `handover` for the successor, except for the list of the older processes, which the
        /// upgrader adds; called before the successor is started.
        var handover: () throws(StartError) -> Handover
        /// Returns the newest state for the successor, as `InheritedState` encodes it.
        var state: () -> [UInt8]
        /// Called when the successor serves, so that this process has to drain.
        ///
        /// `taken` lists the descriptors of the listening sockets that the successor keeps. `ends` says whether the
        /// operator has asked for the end of the server during the upgrade.
        var succeeded: (_ successor: LaunchedProcess, _ link: UpgradeLink, _ taken: Set<CInt>, _ ends: Bool) -> Void
        /// Called when an upgrade has failed.
        ///
        /// `reloads` says whether the operator asked for a reload during the upgrade. `ends` says whether the operator
        /// asked for the end of the server during the upgrade.
        var failed: (_ reloads: Bool, _ ends: Bool) -> Void
    }

    /// An upgrade that is under way.
    private struct Attempt {
        let link: UpgradeLink
        let process: LaunchedProcess
        let answered: (CommandReport) -> Void
        /// The number (`Handover.Predecessor.number`) of the older process that is told to end within `drain_timeout`
        /// once the successor serves.
        ///
        /// The chosen process is the oldest one that drains. The value is nil if fewer than `upgrade_generations` older
        /// processes drained when the upgrade began.
        let hurried: Int?
        var timer: TimerID?
        /// The descriptors that the successor keeps; nil before it is ready.
        var taken: Set<CInt>?
        var version = ""
        /// Whether the operator has asked for a reload since the upgrade began.
        var reloads = false
        /// Whether the operator has asked for the end of the server since this process told the successor to accept
        /// connections.
        var ends = false
    }

    /// The last upgrade that has failed or was refused.
    struct LastFailure {
        /// When the upgrade failed or was refused, in seconds since 1970.
        let at: Int
        /// Why the upgrade failed or was refused, one line for each reason; never empty.
        let lines: [String]
    }

    private let loop: EventLoop
    private let environment: Environment
    /// The program to start; nil if the path of its file is not known.
    private let program: Program?
    /// The older processes that drain.
    let predecessors: Predecessors
    private var attempt: Attempt?
    /// When and why an upgrade of this process last failed or was refused.
    ///
    /// The value is nil if no upgrade has failed or was refused, and becomes nil again when a successor has taken over.
    private(set) var lastFailure: LastFailure?

    init(loop: EventLoop, program: Program?, predecessors: Predecessors, environment: Environment) {
        self.loop = loop
        self.program = program
        self.predecessors = predecessors
        self.environment = environment
    }

    /// Whether an upgrade is under way.
    var isUnderWay: Bool { attempt != nil }
    /// Whether this process has sent its newest state to the successor, which would not learn of later changes.
    var hasSentState: Bool { attempt?.taken != nil }

    /// Starts an upgrade.
    ///
    /// - Parameter answered: called once, when the successor has taken over, or with the reason why it has not;
    ///   possibly before this function returns.
    func upgrade(_ answered: @escaping (CommandReport) -> Void = { _ in }) {
        do throws(StartError) {
            attempt = try begin(answered)
        } catch {
            let text = "upgrade refused: \(error.description)"
            OperatorLog.say(text, .error)
            note([error.description])
            answered(CommandReport(isDone: false, lines: [text]))
        }
    }

    private func begin(_ answered: @escaping (CommandReport) -> Void) throws(StartError) -> Attempt {
        guard attempt == nil else { throw StartError(description: "an upgrade is under way") }
        if let obstacle = environment.obstacle() { throw StartError(description: obstacle) }
        guard let program else { throw StartError(description: "the path of the program is not known") }
        let room = UpgradeRoom(draining: predecessors.count, most: environment.settings().upgradeGenerations)
        guard room != .full else { throw StartError(description: fullText) }
        var handover = try environment.handover()
        handover.predecessors = predecessors.facts
        var hurried: Int?
        if room == .afterHurrying {
            hurried = handover.predecessors[0].number
            handover.predecessors[0].isHurried = true
        }
        let (link, process): (UpgradeLink, LaunchedProcess)
        do throws(StartError) {
            (link, process) = try launch(program, handover)
        } catch {
            // `handover` has reserved a column for the successor in the table of counts that all processes share. There
            // is no successor now, so `failed` makes the supervisor free that column.
            environment.failed(false, false)
            throw error
        }
        link.read({ [unowned self] in received($0) }, ended: { [unowned self] in successorEnded() })
        link.send(.handover(handover))
        OperatorLog.say("upgrade: the process \(process.id) starts by \(program.path)")
        var attempt = Attempt(link: link, process: process, answered: answered, hurried: hurried)
        attempt.timer = makeTimer("was not ready", within: environment.settings().upgradeTimeout)
        return attempt
    }

    private var fullText: String {
        let oldest = predecessors.reports.first
        let until = oldest?.report.map { ", until \(Timestamp.rfc3339(seconds: $0.until)) at the latest" } ?? ""
        return "\(predecessors.count) older processes drain, which is one more than upgrade_generations: the process "
            + "\(oldest?.facts.process ?? 0) has to end first\(until)"
    }

    private func launch(
        _ program: Program,
        _ handover: Handover
    ) throws(StartError) -> (UpgradeLink, LaunchedProcess) {
        var pair: [CInt] = [-1, -1]
        guard unsafe clinux_socket_pair(&pair) == 0 else {
            throw StartError(description: "socketpair: \(SystemError.text(errno))")
        }
        let others = pair[1]
        defer { close(others) }
        let image =
            program
            .setting(Inheritance.variable, to: "\(others)")
            // These variables of systemd name this process or its descriptors, so the successor must not have them. It
            // gets the sockets by `handover`.
            .setting("LISTEN_PID", to: nil).setting("LISTEN_FDS", to: nil).setting("LISTEN_FDNAMES", to: nil)
            .setting("WATCHDOG_PID", to: nil)
        do throws(SystemError) {
            let process = try image.launch(keeping: handover.descriptors + [others])
            return (UpgradeLink(pair[0], loop: loop), process)
        } catch {
            close(pair[0])
            throw StartError(description: "the new process cannot be started: \(error)")
        }
    }

    private func makeTimer(_ what: String, within time: Nanoseconds) -> TimerID {
        loop.timers.schedule(
            at: loop.now + time,
            target: TimerClosure { [unowned self] in
                guard let attempt else { return }
                fail(["the new process \(attempt.process.id) \(what) within \(time / 1_000_000_000) s"])
            },
            kind: 0
        )
    }

    // MARK: The successor

    private func received(_ message: UpgradeMessage) {
        switch message {
        case .ready(let taken, let version): commit(Set(taken), version)
        case .failed(let lines): fail(lines.isEmpty ? ["the new process has given no reason"] : lines)
        case .serving: handOver()
        default: return
        }
    }

    /// Tells the successor to accept connections.
    private func commit(_ taken: Set<CInt>, _ version: String) {
        guard attempt?.taken == nil else { return }
        if let timer = attempt?.timer { loop.timers.cancel(timer) }
        attempt?.taken = taken
        attempt?.version = version
        // Before the successor reports that it serves, it waits for its own workers to open the listeners, for at most
        // `WorkerSurvey.timeout`. So it gets that time in addition.
        let time = environment.settings().upgradeTimeout + WorkerSurvey.timeout
        attempt?.timer = makeTimer("was ready but did not accept connections", within: time)
        // The successor has copies of the sockets to the older processes, and may read from them from now on. If both
        // processes read from one socket, each would miss messages, so this process stops reading.
        predecessors.pause()
        attempt?.link.send(.commit(state: environment.state()))
    }

    private func handOver() {
        guard let done = attempt, let taken = done.taken else { return }
        if let timer = done.timer { loop.timers.cancel(timer) }
        attempt = nil
        lastFailure = nil
        if let number = done.hurried { predecessors.hurry(number) }
        predecessors.release()
        let lines = ["the process \(done.process.id), version \(done.version), has taken over from \(getpid())"]
        OperatorLog.say("upgrade: \(lines[0])")
        environment.succeeded(done.process, done.link, taken, done.ends)
        done.link.send(.main(reloads: done.reloads, ends: done.ends))
        done.answered(CommandReport(isDone: true, lines: lines))
    }

    private func successorEnded() {
        guard let attempt else { return }
        let when = attempt.taken == nil ? "before it was ready" : "before it accepted connections"
        fail(["the new process \(attempt.process.id) ended \(when): its own messages say why"])
    }

    /// Ends the successor, and reports why the upgrade has failed; this process goes on serving.
    private func fail(_ lines: [String]) {
        guard let failed = attempt else { return }
        attempt = nil
        if let timer = failed.timer { loop.timers.cancel(timer) }
        failed.process.kill()
        failed.process.release()
        failed.link.send(.abort)
        failed.link.close()
        predecessors.resume()
        note(lines)
        OperatorLog.say(
            (["upgrade failed, this process goes on:"] + lines.map { "  \($0)" }).joined(separator: "\n"),
            .error
        )
        failed.answered(CommandReport(isDone: false, lines: ["upgrade failed; the running process goes on"] + lines))
        environment.failed(failed.reloads, failed.ends)
    }

    private func note(_ lines: [String]) { lastFailure = LastFailure(at: Clock.wallTime().seconds, lines: lines) }

    // MARK: What is asked for meanwhile

    /// Postpones a reload until the upgrade under way has ended; the process that is then the main one carries it out.
    ///
    /// - Returns: false if no upgrade is under way.
    func reloadAfterwards() -> Bool {
        guard attempt != nil else { return false }
        attempt?.reloads = true
        return true
    }

    /// Handles an order to end the server, if the order comes during an upgrade.
    ///
    /// If the successor has been told to accept connections, it gets the order once it is the main process. Otherwise
    /// this function makes the upgrade fail.
    ///
    /// - Returns: true if the successor is to get the order; if the upgrade fails nevertheless, `Environment.failed` is
    ///   called with `ends` true. If the result is false, the caller must end this process itself.
    func endAfterwards() -> Bool {
        guard attempt?.taken != nil else {
            fail(["the server is ending"])
            return false
        }
        attempt?.ends = true
        return true
    }
}
