// Decides when an event loop waits before it polls for events. More tokens arrive during the wait, and one turn of the
// loop that handles many tokens costs far less than one turn for each token.
internal import CLinux
internal import Glibc

/// Whether a busy event loop waits before it polls for events, so that one turn of the loop handles many tokens.
package enum Gather: Sendable, Equatable {
    /// The loop never waits.
    case off
    /// The loop waits after many I/O events without a pause, and while it has many I/O events a second but few in each
    /// turn.
    case auto
    /// The loop waits in the same cases as with `auto`, but in each of them until this many nanoseconds have passed
    /// since its last turn began.
    case fixed(Nanoseconds)
}

/// Counts I/O events, and decides whether the event loop waits before its next poll.
///
/// An I/O event is an epoll event or a completion of io_uring. Used only by the loop's thread.
struct Gatherer {
    /// A loop with many I/O events a second waits until this time after its last turn began: 200 microseconds.
    private static let automaticWait: Nanoseconds = 200_000
    /// With fewer I/O events a second, the loop waits only after `burstEvents`, because more waits would cost more than
    /// they save (measured: Benchmarks/README.md).
    private static let busyEventsPerSecond: UInt64 = 30_000
    /// After this many I/O events without a gap of `pause` between them, the loop waits before it polls again,
    /// until `burstWait` has passed since its last turn began.
    ///
    /// So many events usually mean that many streams produce tokens at the same time.
    private static let burstEvents = 32
    private static let burstWait: Nanoseconds = 300_000
    /// The gap between two I/O events after which the count for `burstEvents` starts again: 500 microseconds.
    private static let pause: Nanoseconds = 500_000
    /// If the turns of the loop handle this many I/O events or more on average, the loop need not wait to handle many
    /// at once.
    private static let fullTurn = 96

    /// The setting that decides whether a busy loop waits, and for how long.
    ///
    /// May be changed while the loop runs.
    var mode: Gather
    private var windowStart: Nanoseconds = 0
    private var windowEvents: UInt64 = 0
    private var windowTurns: UInt64 = 0
    private(set) var isBusy = false
    /// How many I/O events there were since the last gap of `pause`; `lastEvent` is the time of the latest of them.
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

    /// How many nanoseconds the loop must wait so that a minimum time lies between the beginnings of two turns.
    ///
    /// The minimum is the duration of `.fixed`, or with `.auto` 200 microseconds for a busy loop and otherwise 300. The
    /// result is 0 if the loop should not wait, or if the minimum has passed since the last turn began. So bytes that
    /// arrive after a pause are handled at once.
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

    /// Waits as long as `wait(clock:lastTurn:)` says, so that more events arrive before the next poll.
    func gather(clock: Clock, lastTurn: Nanoseconds) {
        let left = wait(clock: clock, lastTurn: lastTurn)
        guard left > 0 else { return }
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
    }
}
