// Forecasts how long a request waits for a slot, from the times for which slots were held recently.
internal import Transport

/// Records when the slots of one pool are taken and freed, and forecasts waits.
///
/// A slot is the room for one attempt at an executor of the pool. To forecast the wait of a queued request, the pool is
/// simulated: each held slot is freed after one of the recorded durations that is at least as long as the slot has been
/// held already. It is then taken again for any of the recorded durations. So the forecast is right whether all slots
/// are freed at once or one after the other. Times are in nanoseconds on the clock of the event loops. The lock of the
/// pool guards the value.
struct SlotTimes: Sendable {
    /// How many slots have to be freed before there is a forecast.
    private static let samplesMin = 3
    /// The number of latest durations that are kept; a duration is the time for which a slot was held.
    private static let samplesMax = 64
    /// The largest number of slots in one simulation of a pool, which forecasts the wait of a queued request.
    ///
    /// In a larger pool, each simulated slot represents several slots.
    private static let slotsMax = 64
    /// The largest number of slots that one simulation frees.
    ///
    /// If more slots must be freed before a request gets one, they are not simulated. Each of them adds the mean time
    /// between two freed slots to the forecast wait.
    private static let stepsMax = 256
    /// A forecast is the mean of at most `roundsMax` simulations of how the slots of a pool are freed.
    ///
    /// There are fewer simulations, but at least one, if each is large. `workMax` limits the work of all simulations
    /// together: the number of their slots, plus the number of times that a slot is freed.
    private static let roundsMax = 16
    private static let workMax = 256
    /// How many of the latest durations decide whether slots are now freed faster, or more slowly, than before.
    ///
    /// Slots are freed faster if each of these durations is shorter than all earlier durations, and more slowly if each
    /// is longer.
    private static let changeMin = 8

    /// When recording began; nil before `watch` is called.
    ///
    /// Slots that were taken earlier are not in `begins`.
    private(set) var watchedSince: Nanoseconds?
    /// When the slots that are held were taken, in ascending order.
    private(set) var begins: [Nanoseconds] = []
    /// The durations for which the latest freed slots were held, in nanoseconds, as a ring buffer.
    ///
    /// `oldest` is the index of the oldest duration.
    private var latest: [Double] = []
    private var oldest = 0
    /// The durations in `latest`, in ascending order.
    private var sorted: [Double] = []
    /// The number of slots that were freed since `watchedSince`, except slots with which no request was sent.
    ///
    /// `total` is the sum of the times for which these slots were held, in nanoseconds.
    private var freed = 0
    private var total = 0.0

    /// Begins to record the times at which slots are taken and freed, unless recording has begun before.
    mutating func watch(from now: Nanoseconds) { if watchedSince == nil { watchedSince = now } }

    /// Records that a slot was taken.
    mutating func taken(at now: Nanoseconds) {
        guard watchedSince != nil else { return }
        // The times may be out of order, because the clocks of two workers may differ by one turn of their loops.
        var index = begins.count
        while index > 0, begins[index - 1] > now { index -= 1 }
        begins.insert(now, at: index)
    }

    /// Records that a slot was freed.
    ///
    /// - Parameters:
    ///   - began: when the slot was taken.
    ///   - wasUsed: false if no request was sent with the slot, so that its duration has no meaning.
    mutating func freed(takenAt began: Nanoseconds, wasUsed: Bool = true, at now: Nanoseconds) {
        guard watchedSince != nil else { return }
        if let index = begins.firstIndex(of: began) { begins.remove(at: index) }
        guard wasUsed else { return }
        let duration = now > began ? Double(now - began) : 0
        freed += 1
        total += duration
        if latest.count < Self.samplesMax {
            latest.append(duration)
        } else {
            sorted.remove(at: rank(latest[oldest]))
            latest[oldest] = duration
            oldest = (oldest + 1) % Self.samplesMax
        }
        sorted.insert(duration, at: rank(duration))
        forgetAnotherPace()
    }

    /// Drops the earlier durations if slots are now freed faster or more slowly than before.
    ///
    /// Forecasts from the earlier durations would be wrong.
    private mutating func forgetAnotherPace() {
        let (count, some) = (latest.count, Self.changeMin)
        guard count >= some + some / 2 else { return }
        var (longest, shortest) = (0.0, Double.infinity)
        for back in 1...some {
            let duration = latest[(oldest + count - back) % count]
            longest = max(longest, duration)
            shortest = min(shortest, duration)
        }
        // Whether the latest durations are all shorter, or all longer, than each of the earlier durations.
        let areShorter = longest == sorted[some - 1] && longest < sorted[some]
        let areLonger = shortest == sorted[count - some] && shortest > sorted[count - some - 1]
        guard areShorter || areLonger else { return }
        latest = (1...some).reversed().map { latest[(oldest + count - $0) % count] }
        oldest = 0
        sorted = latest.sorted()
    }

    /// The index in `sorted` of the first duration that is not shorter than `duration`.
    private func rank(_ duration: Double) -> Int { sorted.firstIndex(notBefore: { $0 < duration }) }

    // MARK: The forecast

    /// The forecast of a wait, in nanoseconds.
    struct Forecast: Equatable, Sendable {
        /// The expected wait.
        var wait: Nanoseconds
        /// The wait that nine of ten requests do not exceed.
        var most: Nanoseconds
    }

    /// Simulates how long a new request has to wait for a slot, which is the room for one attempt at an executor.
    ///
    /// - Parameters:
    ///   - ahead: how many waiting requests get a slot before the new request.
    ///   - running: how many slots are held, including slots that were taken before the recording began at
    ///     `watchedSince`.
    /// - Returns: nil if the recording has not begun, if fewer than `samplesMin` slots have been freed, or if no slot
    ///   is held.
    func forecast(behind ahead: Int, running: Int, at now: Nanoseconds) -> Forecast? {
        let slots = max(running, begins.count)
        guard let watchedSince, freed >= Self.samplesMin, slots > 0 else { return nil }
        let simulated = min(slots, Self.slotsMax)
        let ages = (0..<simulated).map { slot in
            // For slots that were taken before the recording began, the time is unknown. They count as taken when the
            // recording began (`watchedSince`).
            let index = slot * slots / simulated - (slots - begins.count)
            let began = index < 0 ? watchedSince : begins[index]
            return now > began ? Double(now - began) : 0
        }
        let needed = Double(ahead + 1) * Double(simulated) / Double(slots)
        let (mean, spread, stretch) = moments(ages, slots)
        let steps = max(1, Int(needed.rounded(.up)))
        let rounds = max(1, min(Self.roundsMax, Self.workMax / (simulated + min(steps, Self.stepsMax))))
        var wait = 0.0
        for round in 0..<rounds {
            let first = (Double(round) + 0.5) / Double(rounds)
            let simulation = Simulation(durations: sorted, stretch: stretch, mean: mean, spread: spread, draws: first)
            wait += simulation.wait(for: steps, ages) / Double(rounds)
        }
        // If the recorded durations are few and differ widely, the simulated wait is probably too short. So the
        // forecast is lengthened. Otherwise too many requests would be put into the queue.
        if mean > 0 { wait *= 1 + 0.6 * spread / mean / Double(sorted.count).squareRoot() }
        let doubt = max(wait * 0.1, 1.3 * spread * needed.squareRoot() / Double(simulated))
        return Forecast(wait: Nanoseconds(min(wait, 1e18)), most: Nanoseconds(min(wait + doubt, 1e18)))
    }

    /// The mean and the standard deviation of how long slots are held, and the factor (`stretch`, at least 1) by which
    /// the recorded durations must be multiplied.
    ///
    /// A duration is recorded only when its slot is freed, so the first recorded durations are shorter than usual. As
    /// long as fewer slots have been freed than are held now, the factor corrects this: the mean then includes how long
    /// the held slots have been held so far.
    private func moments(_ ages: [Double], _ slots: Int) -> (mean: Double, spread: Double, stretch: Double) {
        let seen = sorted.reduce(0, +) / Double(sorted.count)
        let variance = sorted.reduce(0) { $0 + ($1 - seen) * ($1 - seen) } / Double(sorted.count)
        var stretch = 1.0
        if freed < slots, seen > 0 {
            let held = ages.reduce(0, +) * Double(slots) / Double(ages.count)
            stretch = max(1, (total + held) / Double(freed) / seen)
        }
        return (seen * stretch, variance.squareRoot() * stretch, stretch)
    }

    /// A simulation of when a pool's slots are freed, to forecast how long a queued request waits.
    ///
    /// The simulation holds each slot for one of the recorded durations. It does not choose the duration at random, but
    /// spreads the choices evenly over all durations. `draws` is the latest choice, from 0 for the shortest of the
    /// possible durations to 1 for the longest. The simulations of one forecast differ in its first value.
    private struct Simulation {
        let durations: [Double]
        let stretch: Double
        let mean: Double
        let spread: Double
        var draws: Double

        /// How long it takes in the simulation until slots have been freed `steps` times, in nanoseconds.
        consuming func wait(for steps: Int, _ ages: [Double]) -> Double {
            var ends: [Double] = []
            for age in ages { ends.append(rest(after: age)) }
            // A sorted array is a valid heap. The first element of the heap is the earliest end.
            ends.sort()
            for _ in 1..<min(steps, SlotTimes.stepsMax) { replaceFirst(of: &ends) }
            let further = max(0, steps - SlotTimes.stepsMax)
            return ends[0] + Double(further) * mean / Double(ages.count)
        }

        /// How much longer a slot will be held, in nanoseconds, if it has already been held for `age`.
        private mutating func rest(after age: Double) -> Double {
            // Each call adds the golden ratio to `draws`, modulo 1. The resulting values spread evenly between 0 and 1.
            // They choose among the recorded durations as random numbers would, but give the same forecast each time.
            draws = (draws + 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
            guard age > 0 else { return draw(from: 0) }
            let low = durations.firstIndex(notBefore: { $0 * stretch <= age })
            // The slot may have been held longer than all recorded durations. If these durations are nearly equal, the
            // slot is about to be freed. If they differ widely, the slot may be held for another mean duration.
            return low < durations.count ? draw(from: low) - age : min(mean, spread)
        }

        private func draw(from low: Int) -> Double {
            let index = low + Int(draws * Double(durations.count - low))
            return durations[min(index, durations.count - 1)] * stretch
        }

        /// Simulates that the slot with the earliest end is freed, and is taken again for another duration.
        private mutating func replaceFirst(of ends: inout [Double]) {
            let end = ends[0] + rest(after: 0)
            var index = 0
            while true {
                var child = 2 * index + 1
                guard child < ends.count else { break }
                if child + 1 < ends.count, ends[child + 1] < ends[child] { child += 1 }
                guard ends[child] < end else { break }
                ends[index] = ends[child]
                index = child
            }
            ends[index] = end
        }
    }
}
