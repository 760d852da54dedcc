// The health of an engine, or of one model at an engine. It is a plain value without a clock and without sockets.
package import Transport

/// The health of an engine or an executor, which is healthy until faults or probes show otherwise.
///
/// Failed attempts and failed probes eject an executor. The first ejection lasts 3 s, and each further ejection lasts 3
/// s longer, up to 60 s. An ejection ends when probes are answered, or when one request that is sent as a trial is
/// answered. The executor's share of requests then grows slowly. A 4xx status that the client caused is no fault, and
/// neither is a client that leaves. An executor that answers 429 is busy, not dead.
///
/// If more than half of a pool's executors are ejected, the pool uses some of them nevertheless (`ExecutorPool.mercy`).
package struct ExecutorHealth: Sendable, Equatable {
    /// Whether requests go to the executor at the moment.
    package enum State: Sendable, Equatable {
        case healthy
        /// The executor gets no request before `until`, and then one request as a trial.
        case ejected(until: Nanoseconds)
        /// One request is under way as a trial, to find out whether the executor works again.
        case trial(since: Nanoseconds)
    }

    /// Whether requests may be sent to the executor.
    ///
    /// `trial` allows only one request, which shows whether the executor works again.
    package enum Use: Sendable, Equatable { case yes, trial, no }

    /// The result of one health probe.
    package enum Probe: Sendable, Equatable {
        case passed
        /// The connection was refused or reset, or the answer had a 5xx status.
        case failed
        /// The engine did not answer the probe in time.
        case timedOut
        /// The engine is alive but still loads its model.
        ///
        /// Loading is no fault, but the engine gets no requests.
        case notReady
    }

    /// Why an engine or executor was ejected.
    package enum Cause: Sendable, Equatable {
        /// This number of probes in a row failed or timed out.
        case probes(Int)
        case faults(FaultScope)
    }

    /// The number of faults in a row that eject an executor.
    static let faultsMax = 3
    static let ejectionStep: Nanoseconds = 3_000_000_000
    static let ejectionMax: Nanoseconds = 60_000_000_000
    /// The time from the end of an ejection until the executor gets its full share of the requests.
    static let slowStart: Nanoseconds = 10_000_000_000
    /// The time after a successful answer to a request, during which failed or timed out probes do not count.
    static let trafficWins: Nanoseconds = 5_000_000_000
    /// If an engine's probes time out and it has sent no byte for this long, the engine counts as dead.
    ///
    /// An attempt at a dead engine is given up once the attempt has received no byte for this long.
    package static let silenceMax: Nanoseconds = 20_000_000_000
    /// How long a trial, one request to an ejected executor, may take before another request may be sent as a trial.
    static let trialMax: Nanoseconds = 60_000_000_000
    /// How long an executor must have been healthy before a successful answer to a request clears the count of its
    /// ejections.
    static let forgiveAfter: Nanoseconds = 60_000_000_000

    /// Whether the executor is healthy, is ejected, or is being tested by one request (a trial).
    ///
    /// While probes fail, or find that the engine still loads its model, no trial is allowed; see `trialFrom`.
    package private(set) var state = State.healthy
    /// Why the executor was ejected last; it has no meaning while the executor is healthy.
    package private(set) var cause = Cause.faults(.connection)
    /// Whether the engine is dead: enough probes in a row failed, or they timed out and no byte has come for
    /// `silenceMax`.
    package private(set) var isDead = false
    /// How many attempts in a row have failed before the first event of their answers; 0 once an answer begins.
    private var faults = 0
    /// The number of faults in the middle of answers since an answer last arrived completely; at most `faultsMax`.
    private var lateFaults = 0
    private var ejections = 0
    private(set) var healthySince: Nanoseconds?
    private var lastSuccess: Nanoseconds?
    /// The number of failed and timed out probes in a row.
    private var probesLost = 0
    /// The number of probes in a row that failed; a probe that times out resets the number to 0.
    private var probesFailed = 0
    private var probesPassed = 0
    /// After an attempt at a model that is loading or seems to be loading, this time passes before the next request may
    /// be sent to find out whether the model has been loaded.
    static let loadingTrial: Nanoseconds = 1_000_000_000

    /// What the edge knows of a model that the engine is loading, except what health probes report.
    struct Loading: Sendable, Equatable {
        /// When the loading was first noticed.
        var since: Nanoseconds
        /// The time from which one request may be sent to find out whether the model has been loaded.
        var trialFrom: Nanoseconds
        /// Whether the edge only guesses that the model is loading, because the engine refuses connections and may be
        /// starting; false if the model has answered that it is being loaded.
        var isStart: Bool
    }
    /// What the edge knows of the loading of the model; nil if the edge does not believe that the model is loading.
    private(set) var loading: Loading?
    /// Whether the latest probes have shown that the engine still loads the model.
    var isNotReady: Bool { verdict == .notReady }

    /// The conclusion from the latest probes: `passed`, `failed` (also for timeouts) or `notReady`; nil before there
    /// is a conclusion.
    private var verdict: Probe?

    /// Makes the health of an executor that is healthy and was never probed.
    package init() {}

    /// Whether the executor is ejected, even if one request is under way as a trial to find out whether it works again.
    package var isEjected: Bool { state != .healthy }
    /// Whether an answer has failed in the middle and no answer has arrived completely since.
    var hasLateFaults: Bool { lateFaults > 0 }

    /// The time from which one request may be sent to find out whether the executor works again (a trial).
    ///
    /// The time is 0 for a healthy executor whose model is not loading. It is `.max` while probes fail, or find that
    /// the model is loading.
    var trialFrom: Nanoseconds {
        if verdict == .notReady { return .max }
        let from: Nanoseconds
        switch state {
        case .healthy: from = 0
        // While probes fail, a client's request that is sent as a trial would probably fail too.
        case .ejected(let until): from = verdict == .failed ? .max : max(1, until)
        case .trial(let since): from = verdict == .failed ? .max : since + Self.trialMax
        }
        return loading.map { max(from, $0.trialFrom) } ?? from
    }

    /// The factor by which the weight of the executor is multiplied: 1, but less during `slowStart` after an ejection.
    static func share(healthySince: Nanoseconds, at now: Nanoseconds) -> Double {
        guard now < healthySince + slowStart else { return 1 }
        // The time may be earlier than `healthySince`, because the clocks of two workers may differ by one turn of
        // their loops.
        let healthyFor = now > healthySince ? now - healthySince : 0
        return max(0.1, Double(healthyFor) / Double(slowStart))
    }

    /// Records that one request is sent as a trial, to find out whether the executor works again.
    package mutating func trialBegan(at now: Nanoseconds) {
        if loading != nil {
            loading?.trialFrom = now + Self.trialMax
            if state == .healthy { return }
        }
        state = .trial(since: now)
    }

    /// Records that the model has answered that it is still being loaded.
    ///
    /// Loading is no fault. But the executor then gets only one request each `loadingTrial` (1 s), until a request or
    /// a probe shows that the model is no longer being loaded.
    mutating func loads(at now: Nanoseconds) {
        trialTold(nothingAt: now)
        noteLoading(isStart: false, at: now)
    }

    /// Records that an engine has refused a connection and has never sent anything, so it may be starting.
    mutating func starts(at now: Nanoseconds) { noteLoading(isStart: true, at: now) }

    /// Records that the model has been loaded.
    mutating func hasLoaded() { loading = nil }

    private mutating func noteLoading(isStart: Bool, at now: Nanoseconds) {
        loading = Loading(since: loading?.since ?? now, trialFrom: now + Self.loadingTrial, isStart: isStart)
    }

    /// Records that the first event of a stream, or the whole of an answer that is not a stream, has arrived.
    ///
    /// The arrival shows that the executor can be reached and answers. The answer may still break off. So the faults in
    /// the middle of earlier answers stay counted until `endedWhole` is called.
    package mutating func succeeded(at now: Nanoseconds) {
        loading = nil
        faults = 0
        lastSuccess = now
        guard isEjected else {
            if let healthySince, now >= healthySince + Self.forgiveAfter { ejections = 0 }
            return
        }
        (probesLost, probesFailed) = (0, 0)
        comeBack(faults: 0, at: now)
    }

    /// Records that an answer has arrived completely.
    ///
    /// A complete answer ends no ejection, because the answer may have begun long before the ejection.
    package mutating func endedWhole() { lateFaults = 0 }

    /// Records that an answer has failed in the middle: by an error event, a lost connection, a stall or an early
    /// end.
    ///
    /// If the executor is healthy and `faults` and `lateFaults` together reach `faultsMax`, it is ejected. If it is
    /// ejected already, the failure is added to `lateFaults`, but does not make the ejection longer.
    ///
    /// A trial, that is one request to an ejected executor, ends the ejection when its answer begins. If that answer
    /// then fails in the middle, the failure counts like that of any other answer.
    package mutating func failedLate(_ scope: FaultScope, at now: Nanoseconds) {
        lateFaults = min(lateFaults + 1, Self.faultsMax)
        if case .healthy = state, faults + lateFaults >= Self.faultsMax { eject(.faults(scope), at: now) }
    }

    /// Records that an attempt has failed before its answer began: no connection, a reset, a timeout or a 5xx status.
    package mutating func failed(_ scope: FaultScope = .connection, at now: Nanoseconds) {
        if let found = loading {
            // If the model answered that it was loading, a different failure shows that it is not loading any more. But
            // if the edge only guesses that the engine is starting, refused connections are expected and change
            // nothing.
            loading = found.isStart ? found : nil
            loading?.trialFrom = min(found.trialFrom, now + Self.loadingTrial)
        }
        switch state {
        case .trial: eject(.faults(scope), at: now)
        case .ejected: break
        case .healthy:
            faults += 1
            if faults + lateFaults >= Self.faultsMax { eject(.faults(scope), at: now) }
        }
    }

    /// Records that the engine has answered, even if the answer is a failure.
    ///
    /// If a trial of an ejected engine is under way, the ejection ends, because the engine can be reached.
    package mutating func answered(at now: Nanoseconds) {
        loading = nil
        guard case .trial = state else { return }
        comeBack(faults: 0, at: now)
    }

    /// Ends a trial, a request to an ejected executor, without a result, for example because the client left or the
    /// executor was busy.
    ///
    /// The next request is a new trial.
    package mutating func trialTold(nothingAt now: Nanoseconds) {
        if let found = loading, found.trialFrom > now + Self.loadingTrial { loading?.trialFrom = now }
        if case .trial = state { state = .ejected(until: now) }
    }

    // MARK: Probes

    /// Records the result of a probe of the engine to which this health belongs.
    ///
    /// - Parameters:
    ///   - rise: how many passed probes in a row end an ejection of the engine.
    ///   - fall: how many failed or timed out probes in a row eject the engine, and so all its executors.
    ///   - lastHeard: when the last byte from the engine arrived on any connection, or when probing began, whichever
    ///     is later.
    package mutating func probed(
        _ probe: Probe,
        at now: Nanoseconds,
        rise: Int,
        fall: Int,
        lastHeard: Nanoseconds
    ) {
        switch probe {
        case .notReady:
            loading = nil
            verdict = .notReady
            (probesLost, probesFailed, probesPassed) = (0, 0, 0)
            isDead = false
        case .passed:
            // An engine that was only starting has not failed before, so one passed probe is enough to trust it.
            if loading?.isStart == true { probesPassed = rise }
            loading = nil
            (probesLost, probesFailed) = (0, 0)
            probesPassed += 1
            guard probesPassed >= rise || verdict == nil || !isEjected else { return }
            let wasLost = verdict == .failed
            verdict = .passed
            engineAnswers(wasLost: wasLost, at: now)
        case .failed, .timedOut:
            if let lastSuccess, now < lastSuccess + Self.trafficWins { return }
            probeLost(isFailed: probe == .failed, at: now, fall: fall, lastHeard: lastHeard)
        }
    }

    /// Counts a failed or timed out probe, and ejects the engine after `fall` of them in a row.
    ///
    /// - Parameter isFailed: whether the probe failed; false if it timed out.
    private mutating func probeLost(isFailed: Bool, at now: Nanoseconds, fall: Int, lastHeard: Nanoseconds) {
        probesPassed = 0
        probesLost += 1
        probesFailed = isFailed ? probesFailed + 1 : 0
        guard probesLost >= fall else { return }
        verdict = .failed
        let cause = Cause.probes(probesLost)
        if case .healthy = state { eject(cause, at: now) }
        if probesFailed >= fall { isDead = true }
        silence(at: now, fall: fall, lastHeard: lastHeard)
    }

    /// Declares the engine dead if the last `fall` probes failed or timed out and no byte has come for `silenceMax`.
    package mutating func silence(at now: Nanoseconds, fall: Int, lastHeard: Nanoseconds) {
        guard probesLost >= fall, now >= lastHeard + Self.silenceMax else { return }
        isDead = true
    }

    /// Forgets the results of the probes, because the engine is not probed any more.
    ///
    /// An ejection then ends only when a request is answered, for example one that is sent as a trial.
    package mutating func probesEnded() {
        verdict = nil
        (probesLost, probesFailed, probesPassed) = (0, 0, 0)
        isDead = false
    }

    /// Ends an ejection without a trial, because the engine answers its probes.
    ///
    /// The ejection ends if its time has passed and no trial is under way, or at once if `wasLost` is true. A single
    /// fault then ejects the executor again.
    ///
    /// - Parameter wasLost: true if enough probes for an ejection had failed or timed out before, or if this is the
    ///   health of a model, and a probe has just ended the ejection of the model's engine.
    package mutating func engineAnswers(wasLost: Bool, at now: Nanoseconds) {
        switch state {
        case .healthy: isDead = false
        case .trial: if wasLost { comeBack(faults: Self.faultsMax - 1, at: now) }
        case .ejected(let until): if wasLost || now >= until { comeBack(faults: Self.faultsMax - 1, at: now) }
        }
    }

    private mutating func comeBack(faults: Int, at now: Nanoseconds) {
        state = .healthy
        healthySince = now
        isDead = false
        self.faults = faults
    }

    private mutating func eject(_ cause: Cause, at now: Nanoseconds) {
        self.cause = cause
        ejections += 1
        faults = 0
        // After the ejection, one more fault in the middle of an answer can eject the executor again, unless an answer
        // arrives completely before that fault.
        lateFaults = min(lateFaults, Self.faultsMax - 1)
        probesPassed = 0
        healthySince = nil
        state = .ejected(until: now + min(Self.ejectionMax, Self.ejectionStep * Nanoseconds(ejections)))
    }
}

extension ExecutorHealth {
    /// The health at one moment, in a form for another process.
    ///
    /// Durations, in nanoseconds, take the place of times, because the clock of the other process shows other times.
    package struct Record: Equatable, Sendable {
        /// How long the ejection still lasts; nil if the executor is healthy.
        ///
        /// The value is 0 while one request is under way as a trial, to find out whether the executor works again.
        package var ejectedFor: Nanoseconds?
        /// Why the executor was ejected last.
        package var cause = Cause.faults(.connection)
        /// Whether probes have found the engine dead.
        package var isDead = false
        /// How long ago the last ejection ended; nil during an ejection, or if there was none.
        package var healthyFor: Nanoseconds?
        /// How long ago the last successful answer began; nil if there was none.
        package var succeededBefore: Nanoseconds?
        /// The same counts as in `ExecutorHealth`: faults before an answer begins, faults in the middle of answers, and
        /// ejections.
        package var faults = 0, lateFaults = 0, ejections = 0
        /// How many probes in a row failed or timed out, how many in a row failed, and how many in a row passed.
        package var probesLost = 0, probesFailed = 0, probesPassed = 0
        /// The conclusion from the latest probes: `passed`, `failed` (also for timeouts) or `notReady`; nil before
        /// there is a conclusion.
        package var verdict: Probe?

        /// The record of an executor that is healthy and was never probed.
        package init() {}
    }

    /// The health at `now`, as a record for another process.
    func record(at now: Nanoseconds) -> Record {
        var record = Record()
        switch state {
        case .healthy: break
        case .ejected(let until): record.ejectedFor = until > now ? until - now : 0
        case .trial: record.ejectedFor = 0
        }
        (record.cause, record.isDead, record.verdict) = (cause, isDead, verdict)
        record.healthyFor = healthySince.map { now > $0 ? now - $0 : 0 }
        record.succeededBefore = lastSuccess.map { now > $0 ? now - $0 : 0 }
        (record.faults, record.lateFaults, record.ejections) = (faults, lateFaults, ejections)
        (record.probesLost, record.probesFailed, record.probesPassed) = (probesLost, probesFailed, probesPassed)
        return record
    }

    /// Makes the health from a record that another process has just made; a number out of range is replaced by the
    /// nearest number in the range.
    init(_ record: Record, at now: Nanoseconds) {
        if let left = record.ejectedFor { state = .ejected(until: now + min(left, Self.ejectionMax)) }
        (cause, isDead, verdict) = (record.cause, record.isDead, record.verdict)
        healthySince = record.ejectedFor == nil ? record.healthyFor.map { now - min($0, now) } : nil
        lastSuccess = record.succeededBefore.map { now - min($0, now) }
        faults = Self.clamped(record.faults, to: Self.faultsMax - 1)
        lateFaults = Self.clamped(record.lateFaults, to: Self.faultsMax)
        ejections = Self.clamped(record.ejections, to: Int(Self.ejectionMax / Self.ejectionStep))
        (probesLost, probesFailed) = (Self.clamped(record.probesLost), Self.clamped(record.probesFailed))
        probesPassed = Self.clamped(record.probesPassed)
    }

    private static func clamped(_ number: Int, to most: Int = 1 << 20) -> Int { min(max(0, number), most) }
}
