import Glibc
import Testing
import Transport

@testable import Routing

/// Forecasts against what then happened, in simulation: with one slot and with many, whatever the durations.
@Suite struct SlotTimesTests {
    enum Durations: String, CaseIterable, CustomTestStringConvertible {
        case equal, nearlyEqual, uniform, exponential, fewAreLong

        var testDescription: String { rawValue }

        /// With a mean of 2 s.
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

    /// A pool whose slots are always held while somebody waits, and the requests that were let in.
    private struct Simulation {
        let slots: Int
        let durations: Durations
        var random: DifferentialTests.Random
        var times = SlotTimes()
        var now = 1.0
        /// When the slots come free, and since when they are held.
        var held: [(end: Double, began: Nanoseconds)] = []
        var waiting: [(since: Double, ahead: Int, forecast: SlotTimes.Forecast?)] = []
        /// What was foretold behind how many, and what came.
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

        /// A request comes: it is served, waits, or is refused as a pool refuses it.
        mutating func arrive(waitMax: Double) {
            if held.count < slots { return take() }
            let forecast = times.forecast(behind: waiting.count, running: held.count, at: Self.nanoseconds(now))
            if let forecast, !waiting.isEmpty, forecast.most > Self.nanoseconds(waitMax) { return }
            waiting.append((now, waiting.count, forecast))
        }

        /// Goes on to a moment: slots come free, and are taken by those who wait.
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
            // More than it can serve: the queue is as long as the forecast lets it be.
            for _ in 0..<600 {
                simulation.arrive(waitMax: 8)
                let gap = Double(simulation.random.next(2000)) / 1000
                simulation.go(to: simulation.now + gap * 1.4 / Double(slots))
            }
            simulation.go(to: simulation.now + 1000)
            // What was said before all slots had been held once is said of what is hardly known.
            for (ahead, forecast, wait) in simulation.waits.dropFirst(slots) {
                foretold += Double(forecast.wait) / 1e9
                came += wait
                all += 1
                // One may wait whatever is foretold.
                if wait > 8, ahead > 0 { late += 1 }
            }
        }
        #expect(all > 1000)
        #expect(abs(foretold - came) < 0.1 * came, "foretold \(foretold / Double(all)), came \(came / Double(all))")
        #expect(Double(late) < 0.1 * Double(all), "\(late) of \(all) waited for too long")
    }

    /// The report: slots that all begin together, and 40 requests at once behind them.
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

    /// The first that come free are the shortest of all: they are not taken for the mean.
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

    /// A pool that was slow, or that was quick, and is so no more.
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

    /// A long queue before many slots costs a bounded play, and is foretold in the mean.
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
