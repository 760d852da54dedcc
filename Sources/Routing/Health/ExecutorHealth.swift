// Whether an engine, or one model at it, is to be trusted with requests, as a value: no clock and no sockets.
package import Transport

/// An engine or an executor is healthy until shown otherwise.
///
/// Faults in traffic and failed probes eject it for 3 s, longer each time; then one request tries it; then it comes back
/// slowly. A client's 4xx and a client that leaves are no faults, and a busy executor (429) is not a dead one.
package struct ExecutorHealth: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        case healthy
        /// Not to be used before this moment, and then by one request first.
        case ejected(until: Nanoseconds)
        /// One request finds out.
        case trial(since: Nanoseconds)
    }

    package enum Use: Sendable, Equatable { case yes, trial, no }

    package enum Probe: Sendable, Equatable {
        case passed, failed
        /// It lives, and loads its model: no fault, but no requests either.
        case notReady
    }

    /// Faults in a row that eject.
    static let faultsMax = 3
    static let ejectionStep: Nanoseconds = 3_000_000_000
    static let ejectionMax: Nanoseconds = 60_000_000_000
    /// From the return into rotation to a full share.
    static let slowStart: Nanoseconds = 10_000_000_000
    /// Success in traffic so long ago beats a failed probe.
    static let trafficWins: Nanoseconds = 5_000_000_000
    /// A trial of which nothing is heard no longer keeps others from trying.
    static let trialMax: Nanoseconds = 60_000_000_000
    /// Healthy for so long, its past ejections are forgotten.
    static let forgiveAfter: Nanoseconds = 60_000_000_000

    package private(set) var state = State.healthy
    private var faults = 0
    private var ejections = 0
    private(set) var healthySince: Nanoseconds?
    private var lastSuccess: Nanoseconds?
    private var probesFailed = 0
    private var probesPassed = 0
    /// The last probe, where there are probes.
    private var lastProbe: Probe?

    package init() {}

    package var isEjected: Bool { state != .healthy }

    /// 0 while it is used; else the moment from which on a request may try it, `.max` for never.
    var trialFrom: Nanoseconds {
        if lastProbe == .notReady { return .max }
        switch state {
        case .healthy: return 0
        // What probes still find dead needs no request to find it dead.
        case .ejected(let until): return lastProbe == .failed ? .max : max(1, until)
        case .trial(let since): return lastProbe == .failed ? .max : since + Self.trialMax
        }
    }

    /// A share of 1, or less for a while after it has come back.
    static func share(healthySince: Nanoseconds, at now: Nanoseconds) -> Double {
        guard now < healthySince + slowStart else { return 1 }
        // A worker's clock may be a turn behind another's.
        let healthyFor = now > healthySince ? now - healthySince : 0
        return max(0.1, Double(healthyFor) / Double(slowStart))
    }

    package mutating func trialBegan(at now: Nanoseconds) { state = .trial(since: now) }

    /// The first event of a stream, or a whole answer, has come.
    package mutating func succeeded(at now: Nanoseconds) {
        faults = 0
        lastSuccess = now
        guard isEjected else {
            if let healthySince, now >= healthySince + Self.forgiveAfter { ejections = 0 }
            return
        }
        state = .healthy
        healthySince = now
    }

    /// A connect failure, a reset before the first event, a 5xx, a stall.
    ///
    /// - Parameter mayEject: whether its pool can do without it.
    package mutating func failed(at now: Nanoseconds, mayEject: Bool) {
        switch state {
        case .trial: eject(at: now)
        case .ejected: break
        case .healthy:
            faults += 1
            if faults >= Self.faultsMax, mayEject { eject(at: now) }
        }
    }

    /// It has answered, if only with a failure: so it can be reached, which is what a trial was to find out.
    package mutating func answered(at now: Nanoseconds) {
        guard case .trial = state else { return }
        state = .healthy
        healthySince = now
    }

    /// A trial that told nothing: its client left, or the executor was busy.
    package mutating func trialTold(nothingAt now: Nanoseconds) {
        if case .trial = state { state = .ejected(until: now) }
    }

    /// - Parameters:
    ///   - rise: probes in a row that end an ejection.
    ///   - fall: failed probes in a row that eject.
    package mutating func probed(_ probe: Probe, at now: Nanoseconds, rise: Int, fall: Int, mayEject: Bool) {
        switch probe {
        case .notReady:
            lastProbe = .notReady
            probesPassed = 0
        case .passed:
            probesFailed = 0
            probesPassed += 1
            guard probesPassed >= rise || lastProbe == nil || !isEjected else { return }
            lastProbe = .passed
            if case .ejected(let until) = state, until > now { state = .ejected(until: now) }
        case .failed:
            if let lastSuccess, now < lastSuccess + Self.trafficWins { return }
            probesPassed = 0
            probesFailed += 1
            guard probesFailed >= fall else { return }
            if isEjected || mayEject { lastProbe = .failed }
            if case .healthy = state, mayEject { eject(at: now) }
        }
    }

    private mutating func eject(at now: Nanoseconds) {
        ejections += 1
        faults = 0
        probesPassed = 0
        healthySince = nil
        state = .ejected(until: now + min(Self.ejectionMax, Self.ejectionStep * Nanoseconds(ejections)))
    }
}
