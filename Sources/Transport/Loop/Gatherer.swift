// When to wait a little before polling: many tokens in one turn cost far less than one turn each (design.md, Gather).
internal import CLinux
internal import Glibc

/// Watches how the events come, and sleeps when that pays.
///
/// Confined to its loop.
struct Gatherer {
    private static let automaticWait: Nanoseconds = 200_000
    /// Below this many events a second waiting costs more than it gains (measured: Benchmarks/README.md).
    private static let busyEventsPerSecond: UInt64 = 30_000
    /// Above this many events a turn, turns carry enough as they are.
    private static let fullTurn = 96

    private let mode: Gather
    private var windowStart: Nanoseconds = 0
    private var windowEvents: UInt64 = 0
    private var windowTurns: UInt64 = 0
    private(set) var isBusy = false

    init(_ mode: Gather) { self.mode = mode }

    mutating func observe(events: Int, now: Nanoseconds) {
        guard mode != .off else { return }
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

    /// Waits until `wait` has passed since the last turn began: who comes after a pause is served at once.
    func gather(clock: Clock, lastTurn: Nanoseconds) {
        let wait: Nanoseconds
        switch mode {
        case .off: return
        case .auto: wait = Self.automaticWait
        case .fixed(let duration): wait = duration
        }
        guard isBusy else { return }
        let elapsed = clock.now &- lastTurn
        guard elapsed < wait else { return }
        let left = wait - elapsed
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        unsafe clock_nanosleep(CLOCK_MONOTONIC, 0, &time, nil)
    }
}
