// Decides when a loop waits before it polls. During the wait more tokens arrive, and one turn that handles many tokens
// costs far less than one turn for each token.
internal import CLinux
internal import Glibc

/// Whether a busy loop waits before it polls again, so that one turn handles many tokens.
package enum Gather: Sendable, Equatable {
    /// The loop never waits.
    case off
    /// The loop waits after a burst of I/O events, and while it has many I/O events a second but few in each turn.
    case auto
    /// The loop waits in the same cases as with `auto`, but always for this long.
    case fixed(Nanoseconds)
}

/// Counts what epoll and io_uring report, and decides whether the loop waits before its next poll.
///
/// An I/O event is an epoll event or a completion of io_uring. Confined to the loop's thread.
struct Gatherer {
    /// How long a busy loop waits: 200 microseconds.
    private static let automaticWait: Nanoseconds = 200_000
    /// With fewer I/O events a second, waiting costs more than it saves (measured: Benchmarks/README.md).
    private static let busyEventsPerSecond: UInt64 = 30_000
    /// After this many I/O events without a `pause` between them, the loop waits for more.
    ///
    /// So many events usually mean that many streams produce tokens at the same time.
    private static let burstEvents = 32
    private static let burstWait: Nanoseconds = 300_000
    /// A gap between I/O events that ends a burst: 500 microseconds.
    private static let pause: Nanoseconds = 500_000
    /// If one turn handles this many I/O events or more, waiting saves nothing.
    private static let fullTurn = 96

    /// The setting that decides whether a busy loop waits, and for how long.
    ///
    /// May be changed while the loop runs.
    var mode: Gather
    private var windowStart: Nanoseconds = 0
    private var windowEvents: UInt64 = 0
    private var windowTurns: UInt64 = 0
    private(set) var isBusy = false
    /// How many I/O events the current burst has had so far; `lastEvent` is the time of the last event.
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

    /// Whether the loop should wait before its next poll.
    var isGathering: Bool { isBusy || runEvents >= Self.burstEvents }

    /// How long to wait, in nanoseconds, until the duration that `mode` demands has passed since the last turn began.
    ///
    /// The result is 0 if the loop should not wait, or if that duration has passed already. So the first bytes after a
    /// pause are handled at once.
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

    /// Sleeps for as long as `wait(clock:lastTurn:)` returns.
    func gather(clock: Clock, lastTurn: Nanoseconds) {
        let left = wait(clock: clock, lastTurn: lastTurn)
        guard left > 0 else { return }
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
    }
}
