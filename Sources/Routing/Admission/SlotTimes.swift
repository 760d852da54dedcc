// How long a request will wait for a place: by how long places are held, and since when those are held that are.
internal import Transport

/// The places of one pool, as a value.
///
/// It is asked when somebody would have to wait, and plays through then what it knows: each place that is held comes free
/// after a time like those of the latest ones that were as old as it is, and is held again for a time like theirs. So it is
/// right for places that come free all together as well as for those that come free one by one.
struct SlotTimes: Sendable {
    /// Fewer places that came free tell nothing.
    private static let samplesMin = 3
    /// So many of the latest are remembered.
    private static let samplesMax = 64
    /// A pool of more places is played through with so many, each of which stands for several.
    private static let slotsMax = 64
    /// So many places come free in a play; further ones take as long in the mean.
    private static let stepsMax = 256
    /// A forecast is the mean of so many plays, or of fewer where each has many places.
    private static let playsMax = 16
    private static let workMax = 256
    /// So many of the latest that are all longer, or all shorter, than all before show that the pool has changed.
    private static let changeMin = 8

    /// When somebody first had to wait, or earlier: what began before is not known.
    private(set) var watchedSince: Nanoseconds?
    /// When the places that are held were taken, in order.
    private(set) var begins: [Nanoseconds] = []
    /// How long the latest ones were held, in nanoseconds: in the order in which they came free from `oldest` on.
    private var latest: [Double] = []
    private var oldest = 0
    /// The same in order of their length.
    private var sorted: [Double] = []
    /// How many have come free, and how long they were held together.
    private var freed = 0
    private var total = 0.0

    /// From now on places are counted.
    mutating func watch(from now: Nanoseconds) { if watchedSince == nil { watchedSince = now } }

    mutating func taken(at now: Nanoseconds) {
        guard watchedSince != nil else { return }
        // A worker's clock may be a turn behind another's.
        var index = begins.count
        while index > 0, begins[index - 1] > now { index -= 1 }
        begins.insert(now, at: index)
    }

    /// A place that was taken then has come free.
    ///
    /// - Parameter wasUsed: false where nobody has used it: that tells nothing.
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

    /// What came before a change of the pace tells nothing of the time after it.
    private mutating func forgetAnotherPace() {
        let (count, some) = (latest.count, Self.changeMin)
        guard count >= some + some / 2 else { return }
        var (longest, shortest) = (0.0, Double.infinity)
        for back in 1...some {
            let duration = latest[(oldest + count - back) % count]
            longest = max(longest, duration)
            shortest = min(shortest, duration)
        }
        // They are the shortest of all, or the longest, and none of the others is as short or as long.
        let areShorter = longest == sorted[some - 1] && longest < sorted[some]
        let areLonger = shortest == sorted[count - some] && shortest > sorted[count - some - 1]
        guard areShorter || areLonger else { return }
        latest = (1...some).reversed().map { latest[(oldest + count - $0) % count] }
        oldest = 0
        sorted = latest.sorted()
    }

    /// The first place in `sorted` of what is not shorter.
    private func rank(_ duration: Double) -> Int { sorted.firstIndex(notBefore: { $0 < duration }) }

    // MARK: The forecast

    /// How long a request waits, in nanoseconds.
    struct Forecast: Equatable, Sendable {
        /// In the mean.
        var wait: Nanoseconds
        /// What nine of ten wait at most.
        var most: Nanoseconds
    }

    /// - Parameters:
    ///   - ahead: how many requests go before it.
    ///   - running: how many places are held, those included that were taken before anybody counted.
    /// - Returns: nil while nobody knows.
    func forecast(behind ahead: Int, running: Int, at now: Nanoseconds) -> Forecast? {
        let places = max(running, begins.count)
        guard let watchedSince, freed >= Self.samplesMin, places > 0 else { return nil }
        let slots = min(places, Self.slotsMax)
        let ages = (0..<slots).map { slot in
            // Those that nobody has seen taken are the oldest.
            let index = slot * places / slots - (places - begins.count)
            let began = index < 0 ? watchedSince : begins[index]
            return now > began ? Double(now - began) : 0
        }
        let needed = Double(ahead + 1) * Double(slots) / Double(places)
        let (mean, spread, stretch) = moments(ages, places)
        let steps = max(1, Int(needed.rounded(.up)))
        let plays = max(1, min(Self.playsMax, Self.workMax / (slots + min(steps, Self.stepsMax))))
        var wait = 0.0
        for play in 0..<plays {
            let first = (Double(play) + 0.5) / Double(plays)
            let play = Play(durations: sorted, stretch: stretch, mean: mean, spread: spread, draws: first)
            wait += play.wait(for: steps, ages) / Double(plays)
        }
        // Those who are let in are let in by this: where few unequal durations are known, rather when it is too low.
        if mean > 0 { wait *= 1 + 0.6 * spread / mean / Double(sorted.count).squareRoot() }
        let doubt = max(wait * 0.1, 1.3 * spread * needed.squareRoot() / Double(slots))
        return Forecast(wait: Nanoseconds(min(wait, 1e18)), most: Nanoseconds(min(wait + doubt, 1e18)))
    }

    /// The mean duration, its standard deviation, and by how much those that were seen are too short.
    ///
    /// While few have come free, those are the shortest of all: then the time that the others are held already counts.
    private func moments(_ ages: [Double], _ places: Int) -> (mean: Double, spread: Double, stretch: Double) {
        let seen = sorted.reduce(0, +) / Double(sorted.count)
        let variance = sorted.reduce(0) { $0 + ($1 - seen) * ($1 - seen) } / Double(sorted.count)
        var stretch = 1.0
        if freed < places, seen > 0 {
            let held = ages.reduce(0, +) * Double(places) / Double(ages.count)
            stretch = max(1, (total + held) / Double(freed) / seen)
        }
        return (seen * stretch, variance.squareRoot() * stretch, stretch)
    }

    /// One play, with the durations drawn evenly from those that were seen, from one of them on, not at random.
    private struct Play {
        let durations: [Double]
        let stretch: Double
        let mean: Double
        let spread: Double
        var draws: Double

        /// When so many places have come free.
        consuming func wait(for steps: Int, _ ages: [Double]) -> Double {
            var ends: [Double] = []
            for age in ages { ends.append(rest(after: age)) }
            // In order: a heap as well, the earliest first.
            ends.sort()
            for _ in 1..<min(steps, SlotTimes.stepsMax) { replaceFirst(of: &ends) }
            let further = max(0, steps - SlotTimes.stepsMax)
            return ends[0] + Double(further) * mean / Double(ages.count)
        }

        /// How much longer a place is held that has been held for so long.
        private mutating func rest(after age: Double) -> Double {
            // Multiples of the golden ratio: any few of them that follow each other are spread evenly.
            draws = (draws + 0.618_033_988_749_895).truncatingRemainder(dividingBy: 1)
            guard age > 0 else { return draw(from: 0) }
            let low = durations.firstIndex(notBefore: { $0 * stretch <= age })
            // Longer than any: it is about to end where all are alike, and may take as long again where they are not.
            return low < durations.count ? draw(from: low) - age : min(mean, spread)
        }

        private func draw(from low: Int) -> Double {
            let index = low + Int(draws * Double(durations.count - low))
            return durations[min(index, durations.count - 1)] * stretch
        }

        /// The place that comes free first is held again.
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
