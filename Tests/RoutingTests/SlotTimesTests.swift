import Glibc
import Testing
import Transport

@testable import Routing

/// Compares forecast waits for a slot with the waits of a simulation.
///
/// It simulates one slot and many, and several distributions of how long a request keeps a slot.
@Suite struct SlotTimesTests {
    enum Durations: String, CaseIterable, CustomTestStringConvertible {
        case equal, nearlyEqual, uniform, exponential, fewAreLong

        var testDescription: String { rawValue }

        /// A random duration in seconds, with a mean of 2.
        func draw(_ random: inout DifferentialTests.Random) -> Double {
            let part = (Double(random.next(1_000_000)) + 0.5) / 1_000_000
            return switch self {
            case .equal: 2
            case .nearlyEqual: 1.9 + 0.2 * part
            case .uniform: 4 * part
            case .exponential: -2 * log(part)
            case .fewAreLong: part < 0.9 ? 1 : 11
            }
        }
    }

    /// A simulated pool with a queue: when a slot becomes free, the first waiting request gets it at once.
    private struct Simulation {
        let slots: Int
        let durations: Durations
        var random: DifferentialTests.Random
        var times = SlotTimes()
        var now = 1.0
        /// For each slot in use: the time at which it becomes free in seconds, and when its request began.
        var held: [(end: Double, began: Nanoseconds)] = []
        var waiting: [(since: Double, ahead: Int, forecast: SlotTimes.Forecast?)] = []
        /// For each served request: how many were ahead of it, its forecast, and its actual wait in seconds.
        var waits: [(ahead: Int, forecast: SlotTimes.Forecast, wait: Double)] = []

        static func nanoseconds(_ time: Double) -> Nanoseconds { Nanoseconds(time * 1e9) }

        init(slots: Int, durations: Durations, seed: Int) {
            (self.slots, self.durations, random) = (slots, durations, DifferentialTests.Random(seed))
            times.watch(from: 0)
        }

        mutating func take() {
            let began = Self.nanoseconds(now)
            times.taken(at: began)
            held.append((now + durations.draw(&random), began))
        }

        /// One request arrives: it gets a slot, waits, or is refused because its forecast exceeds `waitMax`.
        mutating func arrive(waitMax: Double) {
            if held.count < slots { return take() }
            let forecast = times.forecast(behind: waiting.count, running: held.count, at: Self.nanoseconds(now))
            if let forecast, !waiting.isEmpty, forecast.most > Self.nanoseconds(waitMax) { return }
            waiting.append((now, waiting.count, forecast))
        }

        /// Advances to `time`: slots become free and go to waiting requests.
        mutating func go(to time: Double) {
            while let next = held.indices.min(by: { held[$0].end < held[$1].end }), held[next].end <= time {
                let (end, began) = held.remove(at: next)
                now = end
                times.freed(takenAt: began, at: Self.nanoseconds(now))
                guard !waiting.isEmpty else { continue }
                let (since, ahead, forecast) = waiting.removeFirst()
                if let forecast { waits.append((ahead, forecast, now - since)) }
                take()
            }
            now = time
        }
    }

    @Test(arguments: [1, 3, 4, 8, 32], Durations.allCases)
    func waitsAreForetoldToATenth(slots: Int, durations: Durations) {
        var (foretold, came, late, all) = (0.0, 0.0, 0, 0)
        for seed in 0..<20 {
            var simulation = Simulation(slots: slots, durations: durations, seed: 1000 * slots + seed)
            // More requests arrive than the slots can serve. The queue grows until a forecast exceeds 8 s, because such
            // a request is not admitted.
            for _ in 0..<600 {
                simulation.arrive(waitMax: 8)
                let gap = Double(simulation.random.next(2000)) / 1000
                simulation.go(to: simulation.now + gap * 1.4 / Double(slots))
            }
            simulation.go(to: simulation.now + 1000)
            // The first forecasts do not count, because too few requests had ended to measure how long they take.
            for (ahead, forecast, wait) in simulation.waits.dropFirst(slots) {
                foretold += Double(forecast.wait) / 1e9
                came += wait
                all += 1
                // A request that finds the queue empty is admitted whatever its forecast, so its wait does not count as
                // late.
                if wait > 8, ahead > 0 { late += 1 }
            }
        }
        #expect(all > 1000)
        #expect(abs(foretold - came) < 0.1 * came, "foretold \(foretold / Double(all)), came \(came / Double(all))")
        #expect(Double(late) < 0.1 * Double(all), "\(late) of \(all) waited for too long")
    }

    /// All slots are taken at the same moment, and then 40 requests arrive at once.
    ///
    /// Each that is admitted must get a slot within its limit of 8 s.
    @Test(arguments: [1, 2, 3, 4, 8]) func nobodyIsLetInToWaitInVain(slots: Int) {
        var simulation = Simulation(slots: slots, durations: .equal, seed: 1)
        for _ in 0..<4 * slots { simulation.arrive(waitMax: 8) }
        simulation.go(to: simulation.now + 8.1)
        for _ in 0..<slots + 40 { simulation.arrive(waitMax: 8) }
        let before = simulation.waits.count
        let letIn = simulation.waiting.count
        simulation.go(to: simulation.now + 100)
        let waits = simulation.waits[before...]
        #expect(waits.count == letIn && waits.allSatisfy { $0.wait <= 8 }, "\(waits.map(\.wait))")
        #expect(letIn >= 3 * slots, "three rounds are served in time")
        for (_, forecast, wait) in waits { #expect(abs(Double(forecast.wait) / 1e9 - wait) < 0.1 * wait) }
    }

    /// The first slots to become free had the shortest attempts, so the forecast must also count the attempts that
    /// still run.
    @Test func whatIsStillHeldCounts() throws {
        var times = SlotTimes()
        times.watch(from: 0)
        for _ in 0..<32 { times.taken(at: 0) }
        for step in 1...3 {
            times.freed(takenAt: 0, at: Nanoseconds(step) * 60_000_000)
            times.taken(at: Nanoseconds(step) * 60_000_000)
        }
        let forecast = try #require(times.forecast(behind: 15, running: 32, at: 180_000_000))
        #expect(forecast.wait > 500_000_000, "16 of 32 that take 2 s each: \(forecast)")
    }

    @Test func nothingIsForetoldOfWhatIsNotKnown() {
        var times = SlotTimes()
        #expect(times.forecast(behind: 0, running: 1, at: 0) == nil)
        times.watch(from: 0)
        for step in 0..<2 { times.freed(takenAt: 0, at: Nanoseconds(step)) }
        #expect(times.forecast(behind: 0, running: 1, at: 5) == nil)
        times.freed(takenAt: 0, wasUsed: false, at: 5)
        #expect(times.forecast(behind: 0, running: 1, at: 5) == nil, "a place that nobody used tells nothing")
        times.freed(takenAt: 0, at: 5)
        #expect(times.forecast(behind: 0, running: 1, at: 5) != nil)
        #expect(times.forecast(behind: 0, running: 0, at: 5) == nil, "others have all places")
    }

    /// Requests suddenly take much shorter or much longer than before, and the forecast follows at once.
    @Test(arguments: [(20.0, 0.1), (0.1, 20.0)]) func anotherPaceIsLearntAtOnce(before: Double, after: Double) throws {
        var times = SlotTimes()
        times.watch(from: 0)
        var now = 1.0
        func hold(_ duration: Double) {
            times.taken(at: Nanoseconds(now * 1e9))
            times.freed(takenAt: Nanoseconds(now * 1e9), at: Nanoseconds((now + duration) * 1e9))
            now += duration
        }
        for step in 0..<100 { hold(before * (1 + Double(step % 5) / 10)) }
        for step in 0..<10 { hold(after * (1 + Double(step % 5) / 10)) }
        times.taken(at: Nanoseconds(now * 1e9))
        let forecast = try #require(times.forecast(behind: 0, running: 1, at: Nanoseconds(now * 1e9)))
        #expect((1.1...1.3).contains(Double(forecast.wait) / 1e9 / after), "\(forecast)")
    }

    /// The forecast for a very long queue is right on average.
    @Test func aLongQueueIsForetoldInTheMean() throws {
        var times = SlotTimes()
        times.watch(from: 0)
        var now: Nanoseconds = 0
        for _ in 0..<300 { times.taken(at: now) }
        for _ in 0..<3000 {
            now += 10_000_000
            times.freed(takenAt: now > 3_000_000_000 ? now - 3_000_000_000 : 0, at: now)
            times.taken(at: now)
        }
        let forecast = try #require(times.forecast(behind: 2999, running: 300, at: now))
        #expect((28_000_000_000...32_000_000_000).contains(forecast.wait), "\(forecast)")
    }
}
