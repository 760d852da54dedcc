// When to wait a little before polling: many tokens in one turn cost far less than one turn each (design.md, Gather).
internal import CLinux
internal import Glibc
internal import Synchronization

/// How many events a second the loops of a process have: each tells its own, and hears the sum.
package final class EventRates: Sendable {
    /// Events a second in the lower half; in the upper one when that was said, in units of 10 ms.
    private final class Place: Sendable { let word = Atomic<UInt64>(0) }

    private static let tick: Nanoseconds = 10_000_000
    /// Who has said nothing for so many ticks has nothing to do.
    private static let ticksFresh: UInt64 = 10

    private let places: [Place]

    package init(loops: Int) { places = (0..<loops).map { _ in Place() } }

    /// - Returns: of all loops together.
    func tell(_ rate: UInt64, of place: Int, at now: Nanoseconds) -> UInt64 {
        let tick = now / Self.tick & 0xFFFF_FFFF
        places[place].word.store(tick << 32 | min(rate, 0xFFFF_FFFF), ordering: .relaxed)
        return places.reduce(0) { sum, place in
            let word = place.word.load(ordering: .relaxed)
            let age = tick &- word >> 32
            // A loop's clock may be a turn ahead of another's.
            return age <= Self.ticksFresh || age == .max ? sum + word & 0xFFFF_FFFF : sum
        }
    }
}

/// Watches how the events come, and sleeps when that pays.
///
/// Confined to its loop.
struct Gatherer {
    private static let automaticWait: Nanoseconds = 200_000
    /// Below this many events a second waiting costs more than it gains (measured: Benchmarks/README.md).
    private static let busyEventsPerSecond: UInt64 = 30_000
    /// Where all loops together have as many, so many of its own are enough for one.
    private static let busyEventsPerSecondOfOne: UInt64 = 15_000
    /// Whoever waits for so many events without a pause waits for more: many streams have stepped at once.
    private static let burstEvents = 32
    private static let burstWait: Nanoseconds = 300_000
    private static let pause: Nanoseconds = 500_000
    /// Above this many events a turn, turns carry enough as they are.
    private static let fullTurn = 96

    private let mode: Gather
    private let rates: EventRates?
    private let place: Int
    private var windowStart: Nanoseconds = 0
    private var windowEvents: UInt64 = 0
    private var windowTurns: UInt64 = 0
    private(set) var isBusy = false
    /// Events since the loop last paused, and when it last had one.
    private var runEvents = 0
    private var lastEvent: Nanoseconds = 0

    /// - Parameter place: among those of `rates`.
    init(_ mode: Gather, rates: EventRates? = nil, place: Int = 0) {
        self.mode = mode
        self.rates = rates
        self.place = place
    }

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
        let total = rates?.tell(rate, of: place, at: now) ?? rate
        isBusy =
            total >= Self.busyEventsPerSecond && rate >= Self.busyEventsPerSecondOfOne
            && windowEvents / windowTurns < UInt64(Self.fullTurn)
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
