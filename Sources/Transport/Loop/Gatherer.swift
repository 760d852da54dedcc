// When to wait a little before polling: many tokens in one turn cost far less than one turn each.
internal import CLinux
internal import Glibc

/// How long a busy loop waits before it polls again, so that one turn carries many tokens.
package enum Gather: Sendable, Equatable {
    /// The loop polls at once.
    case off
    /// The loop waits while it is busy but its turns bring few events each, or after a burst of events.
    case auto
    /// As with `auto`, but always this long.
    case fixed(Nanoseconds)
}

/// Measures the rate of events, and decides whether waiting before the next poll pays.
///
/// Confined to its loop.
struct Gatherer {
    /// The wait of a busy loop: 200 microseconds.
    private static let automaticWait: Nanoseconds = 200_000
    /// Below this many events a second, waiting costs more than it gains (measured: Benchmarks/README.md).
    private static let busyEventsPerSecond: UInt64 = 30_000
    /// After this many events without a pause more are expected: many streams have produced a token at the same time.
    private static let burstEvents = 32
    private static let burstWait: Nanoseconds = 300_000
    /// The time without events that ends a run of them: 500 microseconds.
    private static let pause: Nanoseconds = 500_000
    /// From this many events a turn on, waiting gains nothing.
    private static let fullTurn = 96

    /// When the loop waits; may change while it runs.
    var mode: Gather
    private var windowStart: Nanoseconds = 0
    private var windowEvents: UInt64 = 0
    private var windowTurns: UInt64 = 0
    private(set) var isBusy = false
    /// The number of events since the last pause, and the time of the last one.
    private var runEvents = 0
    private var lastEvent: Nanoseconds = 0

    init(_ mode: Gather) { self.mode = mode }

    mutating func observe(events: Int, now: Nanoseconds) {
        guard mode != .off else { return }
        if now &- lastEvent > Self.pause { runEvents = 0 }
        lastEvent = now
        runEvents += events
        windowEvents += UInt64(events)
        windowTurns += 1
        let elapsed = now - windowStart
        guard elapsed >= 10_000_000 else { return }
        let rate = windowEvents * 1_000_000_000 / elapsed
        isBusy = rate >= Self.busyEventsPerSecond && windowEvents / windowTurns < UInt64(Self.fullTurn)
        windowStart = now
        windowEvents = 0
        windowTurns = 0
    }

    /// Whether waiting before the next turn pays.
    var isGathering: Bool { isBusy || runEvents >= Self.burstEvents }

    /// The rest of the wait, counted from the beginning of the last turn, in nanoseconds; 0 after a pause, so that the
    /// first event after it is served at once.
    func wait(clock: Clock, lastTurn: Nanoseconds) -> Nanoseconds {
        let wait: Nanoseconds
        switch mode {
        case .off: return 0
        case .auto: wait = isBusy ? Self.automaticWait : Self.burstWait
        case .fixed(let duration): wait = duration
        }
        guard isGathering else { return 0 }
        let elapsed = clock.now &- lastTurn
        return elapsed < wait ? wait - elapsed : 0
    }

    /// Sleeps for the time that `wait` returns.
    func gather(clock: Clock, lastTurn: Nanoseconds) {
        let left = wait(clock: clock, lastTurn: lastTurn)
        guard left > 0 else { return }
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
    }
}
