// When to wait a little before polling: many tokens in one turn cost far less than one turn each (design.md, Gather).
internal import CLinux
internal import Glibc

/// How long a busy loop waits before it polls again, so that one turn carries many tokens.
package enum Gather: Sendable, Equatable {
    case off
    /// When recent turns brought few events each and they come by the thousand a second.
    case auto
    case fixed(Nanoseconds)
}

/// Watches how the events come, and sleeps when that pays.
///
/// Confined to its loop.
struct Gatherer {
    private static let automaticWait: Nanoseconds = 200_000
    /// Below this many events a second waiting costs more than it gains (measured: Benchmarks/README.md).
    private static let busyEventsPerSecond: UInt64 = 30_000
    /// Whoever waits for so many events without a pause waits for more: many streams have stepped at once.
    private static let burstEvents = 32
    private static let burstWait: Nanoseconds = 300_000
    private static let pause: Nanoseconds = 500_000
    /// Above this many events a turn, turns carry enough as they are.
    private static let fullTurn = 96

    private let mode: Gather
    private var windowStart: Nanoseconds = 0
    private var windowEvents: UInt64 = 0
    private var windowTurns: UInt64 = 0
    private(set) var isBusy = false
    /// Events since the loop last paused, and when it last had one.
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

    /// The next turn is worth waiting for.
    var isGathering: Bool { isBusy || runEvents >= Self.burstEvents }

    /// How long to wait yet until the automatic wait has passed since the last turn began, in nanoseconds: who comes
    /// after a pause is served at once.
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

    /// Sleeps for as long.
    func gather(clock: Clock, lastTurn: Nanoseconds) {
        let left = wait(clock: clock, lastTurn: lastTurn)
        guard left > 0 else { return }
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
    }
}
