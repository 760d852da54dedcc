// The older processes of the server that still drain, as the main process sees them.
internal import Glibc
internal import Transport

/// The links of the main process to older processes; confined to the control thread.
final class Predecessors {
    /// One older process.
    private struct Entry {
        var facts: Handover.Predecessor
        let link: UpgradeLink
        /// The exchanges and connections that the older process still has; nil before its first report.
        var report: UpgradeMessage.DrainingReport?
    }

    private let loop: EventLoop
    /// The older processes that drain, oldest first.
    private var entries: [Entry] = []
    /// Called when an older process has ended.
    var ended: (Handover.Predecessor) -> Void = { _ in }
    /// Called with what an older process's exchanges have used of the limits of API keys, as the JSON of `KeyRates`.
    var used: ([UInt8]) -> Void = { _ in }
    /// Called with a signal that systemd sent to an older process, but meant for this main process.
    var signalled: (CInt) -> Void = { _ in }

    init(loop: EventLoop) { self.loop = loop }

    /// Takes over the links to older processes from the main process before this one.
    ///
    /// Reads nothing from the links before `resume`.
    func adopt(_ handed: [Handover.Predecessor]) {
        entries = handed.map { Entry(facts: $0, link: UpgradeLink($0.descriptor, loop: loop)) }
    }

    /// Adds the process that has handed over to this one.
    func add(_ facts: Handover.Predecessor, link: UpgradeLink) { entries.append(Entry(facts: facts, link: link)) }

    /// How many older processes drain.
    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }
    /// What a successor must know about the older processes, oldest first.
    var facts: [Handover.Predecessor] { entries.map(\.facts) }
    /// The facts and the last report of each older process, oldest first.
    var reports: [(facts: Handover.Predecessor, report: UpgradeMessage.DrainingReport?)] {
        entries.map { ($0.facts, $0.report) }
    }

    /// Begins to read reports.
    func resume() {
        for entry in entries {
            let number = entry.facts.number
            entry.link.read(
                { [unowned self] in received($0, from: number) },
                ended: { [unowned self] in remove(number) }
            )
        }
    }

    /// Stops reading from the links, because a successor may read from them from now on.
    func pause() { for entry in entries { entry.link.pause() } }

    /// Closes this process's descriptors of the links, because its successor has them now.
    func release() {
        for entry in entries { entry.link.close() }
        entries = []
    }

    /// Tells the process with this number to end within `drain_timeout`, unless it has ended or was told so before.
    func hurry(_ number: Int) {
        guard let index = entries.firstIndex(where: { $0.facts.number == number }), !entries[index].facts.isHurried
        else { return }
        entries[index].facts.isHurried = true
        entries[index].link.send(.hurry(stops: false))
    }

    /// Tells all older processes to end within this time, in nanoseconds, because the server ends.
    func stopAll(within time: Nanoseconds) {
        for index in entries.indices {
            entries[index].facts.isHurried = true
            entries[index].link.send(.hurry(stops: true, within: time))
        }
    }

    /// Tells all older processes to end their exchanges and themselves at once.
    func cutAll() { for entry in entries { entry.link.send(.cut) } }

    /// Tells all older processes to open their log files again.
    func reopenLogs() { for entry in entries { entry.link.send(.reopenLog) } }

    private func received(_ message: UpgradeMessage, from number: Int) {
        switch message {
        case .report(let report):
            guard let index = entries.firstIndex(where: { $0.facts.number == number }) else { return }
            entries[index].report = report
        case .use(let json): used(json)
        case .signal(let signal): signalled(signal)
        default: return
        }
    }

    private func remove(_ number: Int) {
        guard let index = entries.firstIndex(where: { $0.facts.number == number }) else { return }
        let facts = entries.remove(at: index).facts
        OperatorLog.say("the process \(facts.process) of before an upgrade has ended; \(entries.count) still drain")
        ended(facts)
    }
}
