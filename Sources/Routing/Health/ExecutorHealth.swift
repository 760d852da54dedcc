// Whether an engine, or one model at it, is to be trusted with requests, as a value: no clock and no sockets.
package import Transport

/// An engine or an executor is healthy until shown otherwise.
///
/// Faults in traffic and failed probes eject it; the first ejection lasts 3 s, each further one longer. It comes back
/// slowly: by probes where it is probed, else by one request that tries it. A client's 4xx and a client that leaves are
/// not faults, and a busy executor (429) is not a dead one.
///
/// This is what is known of it. How much of that routing follows is each pool's decision, see `ExecutorPool.mercy`.
package struct ExecutorHealth: Sendable, Equatable {
    /// Whether requests go there at the moment.
    package enum State: Sendable, Equatable {
        case healthy
        /// Gets no request before `until`, and then one request first, as a trial.
        case ejected(until: Nanoseconds)
        /// One request is under way to find out whether the executor is well again.
        case trial(since: Nanoseconds)
    }

    /// Whether a request may go there: yes, no, or one alone that tries it.
    package enum Use: Sendable, Equatable { case yes, trial, no }

    /// The result of one health probe.
    package enum Probe: Sendable, Equatable {
        case passed
        /// The connection was refused or reset, or the answer was a 5xx.
        case failed
        /// No answer came in time.
        case timedOut
        /// It lives, and loads its model: no fault, but no requests either.
        case notReady
    }

    /// Why an engine or executor was ejected.
    package enum Cause: Sendable, Equatable {
        /// So many probes in a row, which failed or timed out.
        case probes(Int)
        case faults(FaultScope)
    }

    /// The number of faults in a row that eject.
    static let faultsMax = 3
    static let ejectionStep: Nanoseconds = 3_000_000_000
    static let ejectionMax: Nanoseconds = 60_000_000_000
    /// The time from the return into rotation to a full share.
    static let slowStart: Nanoseconds = 10_000_000_000
    /// For this long after a success in traffic, a lost probe does not count.
    static let trafficWins: Nanoseconds = 5_000_000_000
    /// Without a byte for so long, an engine whose probes time out is dead, and an attempt at a dead engine is lost.
    package static let silenceMax: Nanoseconds = 20_000_000_000
    /// A trial of which nothing is heard no longer keeps others from trying.
    static let trialMax: Nanoseconds = 60_000_000_000
    /// After this long in health, past ejections are forgotten.
    static let forgiveAfter: Nanoseconds = 60_000_000_000

    /// The present state, which `trialFrom` completes by what the probes say.
    package private(set) var state = State.healthy
    /// Why it was ejected last; meaningless while it is healthy.
    package private(set) var cause = Cause.faults(.connection)
    /// Its probes say that nobody serves there.
    package private(set) var isDead = false
    /// Faults in a row since an answer last began.
    private var faults = 0
    /// Faults in the midst of answers since an answer last ended whole; at most `faultsMax`.
    private var lateFaults = 0
    private var ejections = 0
    private(set) var healthySince: Nanoseconds?
    private var lastSuccess: Nanoseconds?
    /// Failed and timed out probes in a row.
    private var probesLost = 0
    /// Failed probes in a row, none of them timed out.
    private var probesFailed = 0
    private var probesPassed = 0
    /// What the probes come to, where there are probes; never `timedOut`, which counts as `failed` here.
    private var verdict: Probe?

    /// Healthy, and never probed.
    package init() {}

    /// Whether it is out of rotation; also true while one request tries it.
    package var isEjected: Bool { state != .healthy }
    /// Answers of it have failed in their midst, and none has ended whole since.
    var hasLateFaults: Bool { lateFaults > 0 }

    /// 0 while it is used; else the moment from which on a request may try it, `.max` for never.
    var trialFrom: Nanoseconds {
        if verdict == .notReady { return .max }
        switch state {
        case .healthy: return 0
        // What probes still find dead needs no request to find it dead.
        case .ejected(let until): return verdict == .failed ? .max : max(1, until)
        case .trial(let since): return verdict == .failed ? .max : since + Self.trialMax
        }
    }

    /// A share of 1, or less for a while after it has come back.
    static func share(healthySince: Nanoseconds, at now: Nanoseconds) -> Double {
        guard now < healthySince + slowStart else { return 1 }
        // A worker's clock may be a turn behind another's.
        let healthyFor = now > healthySince ? now - healthySince : 0
        return max(0.1, Double(healthyFor) / Double(slowStart))
    }

    /// One request goes there to find out whether it is well again.
    package mutating func trialBegan(at now: Nanoseconds) { state = .trial(since: now) }

    /// The first event of a stream, or a whole document, has come: the executor can be reached, and answers.
    ///
    /// That says nothing of how its answers end: faults in the midst of answers still count, until `endedWhole`.
    package mutating func succeeded(at now: Nanoseconds) {
        faults = 0
        lastSuccess = now
        guard isEjected else {
            if let healthySince, now >= healthySince + Self.forgiveAfter { ejections = 0 }
            return
        }
        (probesLost, probesFailed) = (0, 0)
        comeBack(faults: 0, at: now)
    }

    /// An answer has ended whole.
    ///
    /// This brings no ejected executor back: the answer may have begun long before the ejection.
    package mutating func endedWhole() { lateFaults = 0 }

    /// An answer has failed in its midst: an error event, a break, a stall, an end that is none.
    ///
    /// The answer had begun before, so that this decides no trial.
    package mutating func failedLate(_ scope: FaultScope, at now: Nanoseconds) {
        lateFaults = min(lateFaults + 1, Self.faultsMax)
        if case .healthy = state, faults + lateFaults >= Self.faultsMax { eject(.faults(scope), at: now) }
    }

    /// A connect failure, a reset or no event in time before the first event, a 5xx.
    package mutating func failed(_ scope: FaultScope = .connection, at now: Nanoseconds) {
        switch state {
        case .trial: eject(.faults(scope), at: now)
        case .ejected: break
        case .healthy:
            faults += 1
            if faults + lateFaults >= Self.faultsMax { eject(.faults(scope), at: now) }
        }
    }

    /// It has answered, if only with a failure: so it can be reached, which is what a trial was to find out.
    package mutating func answered(at now: Nanoseconds) {
        guard case .trial = state else { return }
        comeBack(faults: 0, at: now)
    }

    /// A trial that told nothing: its client left, or the executor was busy.
    package mutating func trialTold(nothingAt now: Nanoseconds) {
        if case .trial = state { state = .ejected(until: now) }
    }

    // MARK: Probes

    /// - Parameters:
    ///   - rise: probes in a row that end an ejection.
    ///   - fall: lost probes in a row that eject.
    ///   - lastHeard: when a byte of it arrived last, on whichever connection; before that, since when it is watched.
    package mutating func probed(
        _ probe: Probe,
        at now: Nanoseconds,
        rise: Int,
        fall: Int,
        lastHeard: Nanoseconds
    ) {
        switch probe {
        case .notReady:
            verdict = .notReady
            (probesLost, probesFailed, probesPassed) = (0, 0, 0)
            isDead = false
        case .passed:
            (probesLost, probesFailed) = (0, 0)
            probesPassed += 1
            guard probesPassed >= rise || verdict == nil || !isEjected else { return }
            let wasLost = verdict == .failed
            verdict = .passed
            engineAnswers(wasLost: wasLost, at: now)
        case .failed, .timedOut:
            if let lastSuccess, now < lastSuccess + Self.trafficWins { return }
            probesPassed = 0
            probesLost += 1
            probesFailed = probe == .failed ? probesFailed + 1 : 0
            guard probesLost >= fall else { return }
            verdict = .failed
            let cause = Cause.probes(probesLost)
            if case .healthy = state { eject(cause, at: now) }
            if probesFailed >= fall { isDead = true }
            silence(at: now, fall: fall, lastHeard: lastHeard)
        }
    }

    /// Declares an engine dead that has lost `fall` probes in a row and has sent no byte for `silenceMax`.
    package mutating func silence(at now: Nanoseconds, fall: Int, lastHeard: Nanoseconds) {
        guard probesLost >= fall, now >= lastHeard + Self.silenceMax else { return }
        isDead = true
    }

    /// Probes are answered: an ejection that is over, or that was for lost probes, ends without a request.
    ///
    /// The next fault ejects again, as that of a request that tries it would.
    ///
    /// - Parameter wasLost: probes had found it dead, or silent.
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
        // Once it is back, the next such fault ejects it again, unless an answer has ended whole before.
        lateFaults = min(lateFaults, Self.faultsMax - 1)
        probesPassed = 0
        healthySince = nil
        state = .ejected(until: now + min(Self.ejectionMax, Self.ejectionStep * Nanoseconds(ejections)))
    }
}
