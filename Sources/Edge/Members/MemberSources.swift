// Finds executors and models that the configuration does not list itself, while the server runs: executors in separate
// files, models that engines list, and addresses of host names.
internal import Configuration
internal import Transport

/// Follows the files of executors, the engines' lists of models and the host names that the configuration in force
/// names.
///
/// This class only finds executors, models and addresses; `Reloader.takeFound` puts them in force. It is confined to
/// the control thread.
final class MemberSources {
    /// The time between two checks whether the files of executors have changed, in nanoseconds.
    private static let interval: Nanoseconds = 500_000_000

    private let loop: EventLoop
    private let running: RunningConfiguration
    private let environment: [String: String]
    private let changed: () -> Void
    /// The executors in files, the models at engines and the addresses of host names that have been found so far.
    private(set) var found: FoundMembers
    private var files: [ListFileFollower<[ExecutorSettings]>] = []
    private var engines: [ModelDiscovery] = []
    private let names: NameFollower
    private var timer: TimerID?
    /// The closure to call once every engine has answered or failed and every host name is resolved or has failed; nil
    /// if no caller waits for that.
    private var settled: (() -> Void)?
    private var settleTimer: TimerID?

    /// - Parameters:
    ///   - environment: the environment variables to which files of executors may refer.
    ///   - changed: called when other executors, models or addresses were found than before, and `found` has changed.
    init(
        loop: EventLoop,
        running: RunningConfiguration,
        environment: [String: String],
        changed: @escaping () -> Void
    ) {
        self.loop = loop
        self.running = running
        self.environment = environment
        self.changed = changed
        found = running.members
        names = NameFollower(loop: loop, known: running.members.addresses)
        names.changed = { [unowned self] in
            found.addresses = names.addresses
            self.changed()
        }
    }

    /// Starts to follow the files, engines and host names of the configuration.
    ///
    /// - Parameter settled: called once, when every engine has answered or failed and every host name is resolved or
    ///   has failed, or when `StartChecks.namesTimeout` has passed.
    func start(settled: @escaping () -> Void) {
        schedule()
        adopt(settled: settled)
    }

    /// Follows the files, engines and host names of the configuration that is now in force.
    ///
    /// - Parameter settled: called once, when every new engine and every new host name has answered or failed, or when
    ///   `StartChecks.namesTimeout` has passed.
    func adopt(settled: @escaping () -> Void) {
        // `running` has just read the files of executors. Their new lists may contain host names that must be resolved.
        found.files = running.members.files
        found = found.kept(for: running.configuration)
        followFiles()
        let until = loop.now + StartChecks.namesTimeout
        followEngines(waitingUntil: until)
        self.settled = settled
        if let settleTimer { loop.timers.cancel(settleTimer) }
        settleTimer = loop.timers.schedule(at: until, target: TimerClosure { [unowned self] in settle() }, kind: 0)
        names.adopt(running.configuration.lookups(beside: found)) { [unowned self] in settleIfAsked() }
        settleIfAsked()
    }

    /// Stops looking for members: reads no more files, sends no more requests to engines, and resolves no more names.
    func stop() {
        for timer in [timer, settleTimer] { if let timer { loop.timers.cancel(timer) } }
        (timer, settleTimer, settled) = (nil, nil, nil)
        for engine in engines { engine.stop() }
        engines = []
        names.stop()
    }

    // MARK: Files

    private func schedule() {
        timer = loop.timers.schedule(
            at: loop.now + Self.interval,
            target: TimerClosure { [unowned self] in
                look(now: Clock.wallTime().seconds)
                schedule()
            },
            kind: 0
        )
    }

    private func followFiles() {
        let old = files
        files = []
        for file in running.configuration.models.compactMap(\.executorFile)
        where !files.contains(where: { $0.path == file.path }) {
            files.append(old.first { $0.path == file.path } ?? ListFileFollower(path: file.path, of: "executors"))
        }
    }

    /// Reads the files of executors that have changed, and calls `changed` if the list in any of them is different now.
    ///
    /// - Parameter now: the present time, in seconds since 1970.
    func look(now: Int) {
        var isOther = false
        for file in files {
            guard let list = file.look(now: now, read: { [unowned self] in read($0, of: file.path) }),
                found.files[file.path] != list
            else { continue }
            found.files[file.path] = list
            isOther = true
        }
        if isOther { changed() }
    }

    private func read(_ bytes: [UInt8], of path: String) -> Result<[ExecutorSettings], ListFileProblem> {
        let users = running.configuration.models.compactMap(\.executorFile).filter { $0.path == path }
        let file = ExecutorFile(path: path, allowsEmpty: users.allSatisfy(\.allowsEmpty))
        return file.read(bytes, for: running.configuration, environment: environment)
            .mapError { ListFileProblem($0, path: path) }
    }

    // MARK: Engines

    private func followEngines(waitingUntil until: Nanoseconds) {
        var left = engines
        engines = running.snapshot.discovered.map { target in
            let known = left.firstIndex { $0.target.identity.url == target.identity.url }.map { left.remove(at: $0) }
            if let known, known.adopt(target) { return known }
            known?.stop()
            let listing = found.listings[target.identity]
            let engine = ModelDiscovery(loop: loop, target, known: listing, waitsUntil: until)
            engine.answered = { [unowned self] engine in answered(engine) }
            return engine
        }
        for engine in left { engine.stop() }
        // An engine may call `answered` before its `start` returns, and `answered` reads `engines`. So `engines` is
        // complete before the first engine is started.
        for engine in engines { engine.start() }
    }

    private func answered(_ engine: ModelDiscovery) {
        let identity = engine.target.identity
        let isOther = found.listings[identity] != engine.models.listing
        if isOther { found.listings[identity] = engine.models.listing }
        settleIfAsked()
        if isOther { changed() }
    }

    private func settleIfAsked() {
        if names.isSettled, engines.allSatisfy(\.isAsked) { settle() }
    }

    private func settle() {
        if let settleTimer { loop.timers.cancel(settleTimer) }
        settleTimer = nil
        let last = settled
        settled = nil
        last?()
    }
}
