// Asks one engine for its list of models at regular intervals.
internal import Configuration
internal import HTTP
internal import Transport

/// Follows the list of models of one engine; confined to the control thread.
///
/// An answer that is not a list of models changes nothing. A problem is logged only if the previous answer did not have
/// the same problem.
final class ModelDiscovery: ExecutorStreamHandler, TimerTarget {
    /// The delay between an answer with a list of models and the next request, in nanoseconds.
    static let interval: Nanoseconds = 10_000_000_000
    /// The delay between an unusable answer and the next request, in nanoseconds.
    static let retryInterval: Nanoseconds = 2_000_000_000
    /// The time limit for an answer, up to its last byte, in nanoseconds.
    static let timeout: Nanoseconds = 5_000_000_000
    /// The delay between two requests to an engine whose host name has no address yet, in nanoseconds.
    ///
    /// The delay is short because the start of the server, or a reload, waits for the first answer until `waitsUntil`.
    /// Later the longer intervals apply.
    private static let unresolvedInterval: Nanoseconds = 50_000_000

    private enum TimerKind: Int {
        /// The next request is due.
        case ask
        /// The engine has not answered the request within `timeout`.
        case late
    }

    private(set) var target: DiscoveryTarget
    private(set) var models: DiscoveredModels
    /// Whether the first request has been answered or has failed; true from the start if the engine's models were found
    /// under an earlier configuration.
    private(set) var isAsked: Bool
    /// Called after each request that has been answered or has failed.
    var answered: (ModelDiscovery) -> Void = { _ in }

    private let loop: EventLoop
    private let client: ExecutorClient
    private let say: (String, LogPriority) -> Void
    /// When the start of the server, or a reload, stops waiting for the engine's first list of models, in nanoseconds
    /// of the loop's clock.
    private let waitsUntil: Nanoseconds
    private var request: (any ExecutorStream)?
    private var isAsking = false
    private var status = 0
    private var server: String?
    private var body: [UInt8] = []
    private var timer: TimerID?
    /// The problem that was last logged; nil if the last answer was a list of models.
    private var problem: String?
    private var warning: String?
    private var isStarted = false

    /// - Parameters:
    ///   - known: the models that were found at the engine under an earlier configuration. If it is nil, no models are
    ///     known, so the start of the server or the reload waits for the first answer.
    ///   - waitsUntil: the time until which the caller waits for the first answer, on the loop's clock.
    ///   - say: called with each message for the operator.
    init(
        loop: EventLoop,
        _ target: DiscoveryTarget,
        known: FoundMembers.Listing? = nil,
        waitsUntil: Nanoseconds = 0,
        say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }
    ) {
        self.loop = loop
        self.target = target
        self.say = say
        self.waitsUntil = waitsUntil
        models = DiscoveredModels(known: known)
        isAsked = known != nil
        client = ExecutorClient(loop: loop, settings: target.engine.client, environment: ExecutorEnvironment())
    }

    /// Replaces the engine's settings by those of a new snapshot.
    ///
    /// Does nothing and returns false if the new settings change the request for the list of models, or need other
    /// connections for it.
    func adopt(_ target: DiscoveryTarget) -> Bool {
        guard target.asksLike(self.target) else { return false }
        self.target = target
        return true
    }

    /// Requests the engine's list of models for the first time; further calls do nothing.
    func start() {
        guard !isStarted else { return }
        isStarted = true
        ask()
    }

    /// Cancels the request under way, and sends no further requests.
    func stop() {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        isAsking = false
        request?.cancel()
        request = nil
        client.closeIdle()
    }

    // MARK: Questions

    private func schedule(_ kind: TimerKind, after delay: Nanoseconds) {
        if let timer { loop.timers.cancel(timer) }
        timer = loop.timers.schedule(at: loop.now + delay, target: self, kind: kind.rawValue)
    }

    func timerFired(_ kind: Int) {
        timer = nil
        switch TimerKind(rawValue: kind) {
        case .ask: ask()
        case .late: end(.unusable("did not answer within \(Self.timeout / 1_000_000_000) s"))
        case nil: break
        }
    }

    private func ask() {
        (status, server, body, isAsking) = (0, nil, [], true)
        var fields = FieldBlock()
        fields.append(.userAgent, "freeinference")
        fields.append(.accept, "application/json")
        target.engine.credential?.append(to: &fields)
        schedule(.late, after: Self.timeout)
        let sent = client.send(
            ExecutorRequest(method: .get, target: target.path, host: target.engine.host, fields: fields, body: nil),
            handler: self
        )
        // If the request failed before `send` returned, `isAsking` is already false and `sent` is not kept.
        if isAsking { request = sent }
    }

    private func end(_ answer: ModelListAnswer) {
        guard isAsking else { return }
        isAsking = false
        let asked = request
        request = nil
        asked?.cancel()
        body = []
        switch answer {
        case .list(let listing):
            models.take(listing)
            report(nil)
            if let text = listing.warning, text != warning { say("warning: \(url): \(text)", .warning) }
            warning = listing.warning
            schedule(.ask, after: Self.interval)
        case .unusable(let text):
            report(text)
            schedule(.ask, after: Self.retryInterval)
        }
        isAsked = true
        answered(self)
    }

    private var url: String { "\(target.identity.url)" }

    private func report(_ found: String?) {
        guard found != problem else { return }
        if let found {
            let what = models.listing == nil ? "its models are not known yet" : "the models that it last listed stay"
            say("warning: \(url): \(what), since it \(found); it is asked again", .warning)
        } else {
            say("\(url): lists its models now", .information)
        }
        problem = found
    }

    // MARK: ExecutorStreamHandler

    func requestSent() {}
    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        status = head.status
        server = head.fields.string(.server)
    }
    func responseBody(_ bytes: Span<UInt8>) {
        guard isAsking else { return }
        guard body.count + bytes.count <= ModelListAnswer.bodyBytesMax else {
            return end(.unusable("answered with more than \(ModelListAnswer.bodyBytesMax >> 20) MiB"))
        }
        for index in bytes.indices { body.append(bytes[index]) }
    }
    func responseEnded() { end(ModelListAnswer(status: status, body: body, server: server)) }
    func attemptFailed(_ failure: ExecutorFailure) {
        guard isAsking else { return }
        if case .unresolved = failure, !isAsked, loop.now + Self.unresolvedInterval < waitsUntil {
            isAsking = false
            return schedule(.ask, after: Self.unresolvedInterval)
        }
        end(.unusable("could not be asked: \(ProbeLoss(failure).text)"))
    }
}
