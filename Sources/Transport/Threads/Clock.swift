// The time source of event loops, in nanoseconds. The clock is injected, so that tests can control the time.
internal import CLinux
internal import Glibc
internal import Synchronization

/// A time in nanoseconds since a fixed moment, or a duration in nanoseconds.
package typealias Nanoseconds = UInt64

extension Nanoseconds {
    /// A duration in whole seconds, rounded up, for the `retry-after` field.
    ///
    /// Must not be called on a duration close to `Nanoseconds.max`, where the sum overflows.
    package var secondsRoundedUp: Int { Int((self + 999_999_999) / 1_000_000_000) }
}

/// A source of time for event loops and their timers.
package enum Clock: Sendable {
    /// The time of CLOCK_MONOTONIC.
    case monotonic
    /// The time of CLOCK_MONOTONIC, minus the time during which the whole process was stopped.
    case process(ProcessClock)
    case manual(ManualClock)

    /// The current time of this clock.
    package var now: Nanoseconds {
        switch self {
        case .monotonic: Self.monotonicNow()
        case .process(let clock): clock.now
        case .manual(let clock): clock.now
        }
    }

    /// For how long the process has been stopped in total, such as by SIGSTOP, in nanoseconds.
    ///
    /// Only the case `process` measures this time; for other clocks it is 0.
    var paused: Nanoseconds {
        if case .process(let clock) = self { return clock.paused }
        return 0
    }

    /// The time of CLOCK_MONOTONIC.
    package static func monotonicNow() -> Nanoseconds {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Seconds and microseconds since 1970, for logs.
    package static func wallTime() -> (seconds: Int, microseconds: Int) {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return (time.tv_sec, time.tv_nsec / 1000)
    }
}

/// A clock that a test sets.
package final class ManualClock: Sendable {
    private let time: Atomic<UInt64>
    /// Starts at the given time, 1 s by default.
    package init(_ start: Nanoseconds = 1_000_000_000) { time = Atomic(start) }
    package var now: Nanoseconds { time.load(ordering: .relaxed) }
    /// Moves the clock forward.
    package func advance(by nanoseconds: Nanoseconds) { time.wrappingAdd(nanoseconds, ordering: .relaxed) }
}
