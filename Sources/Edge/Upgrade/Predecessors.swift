// The older server processes that still drain after upgrades, and the main process's connections to them.
internal import Glibc
internal import Transport

/// The main process's links (socket connections) to the older processes.
///
/// Used only by the control thread, which also does reloads and upgrades.
final class Predecessors {
    /// An older process that drains, and the link to it.
    private struct Entry {
        var facts: Handover.Predecessor
        let link: UpgradeLink
        /// The last report of the older process about its remaining exchanges and connections; nil before the first
        /// report.
        var report: UpgradeMessage.DrainingReport?
    }

    private let loop: EventLoop
    /// The older processes that drain, oldest first.
    private var entries: [Entry] = []
    /// Called when an older process has ended.
    var ended: (Handover.Predecessor) -> Void = { _ in }
    /// Called when an older process reports what its exchanges have used of the limits of API keys; the argument is the
    /// JSON of `KeyRates`.
    var used: ([UInt8]) -> Void = { _ in }
    /// Called when an older process has received a signal from systemd that is meant for the main process; the argument
    /// is the signal's number.
    var signalled: (CInt) -> Void = { _ in }

    init(loop: EventLoop) { self.loop = loop }

    /// Takes over the links to the older processes, which the predecessor has handed over.
    ///
    /// Nothing is read from the links before `resume` is called.
    func adopt(_ handed: [Handover.Predecessor]) {
        entries = handed.map { Entry(facts: $0, link: UpgradeLink($0.descriptor, loop: loop)) }
    }

    /// Adds the predecessor, which has handed its sockets over to this process and drains now.
    func add(_ facts: Handover.Predecessor, link: UpgradeLink) { entries.append(Entry(facts: facts, link: link)) }

    /// How many older processes still drain.
    var count: Int { entries.count }
    var isEmpty: Bool { entries.isEmpty }
    /// What this process tells its successor about each older process, oldest first.
    var facts: [Handover.Predecessor] { entries.map(\.facts) }
    /// The description and the last report of each older process, oldest first.
    var reports: [(facts: Handover.Predecessor, report: UpgradeMessage.DrainingReport?)] {
        entries.map { ($0.facts, $0.report) }
    }

    /// Begins to read the messages of the older processes.
    func resume() {
        for entry in entries {
            let number = entry.facts.number
            entry.link.read(
                { [unowned self] in received($0, from: number) },
                ended: { [unowned self] in remove(number) }
            )
        }
    }

    /// Stops reading from the links, because the successor may read from them from now on.
    func pause() { for entry in entries { entry.link.pause() } }

    /// Closes this process's ends of the links, because its successor has copies of the descriptors.
    func release() {
        for entry in entries { entry.link.close() }
        entries = []
    }

    /// Tells the older process with this number to end within its own `drain_timeout`, counted from now.
    ///
    /// Does nothing if the process was told to hurry before, or has ended.
    func hurry(_ number: Int) {
        guard let index = entries.firstIndex(where: { $0.facts.number == number }), !entries[index].facts.isHurried
        else { return }
        entries[index].facts.isHurried = true
        entries[index].link.send(.hurry(stops: false))
    }

    /// Tells all older processes to end within this time, in nanoseconds, because the whole server ends.
    func stopAll(within time: Nanoseconds) {
        for index in entries.indices {
            entries[index].facts.isHurried = true
            entries[index].link.send(.hurry(stops: true, within: time))
        }
    }

    /// Tells all older processes to break off their exchanges and to end at once.
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
