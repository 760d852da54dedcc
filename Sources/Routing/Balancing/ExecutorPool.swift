// The executors that serve one model: which of them takes a request, and which are left out. Shared by all workers.
internal import Synchronization
package import Transport

/// How the executors of a pool share its exchanges.
package enum Balance: Sendable {
    /// Of two at random the one with less to do: running attempts, and prompts that wait.
    case leastLoad
    case roundRobin
    /// In proportion to their weights, evenly interleaved.
    case weighted
}

package final class ExecutorPool: Sendable {
    /// So many bytes of waiting prompt weigh as much as one running stream.
    private static let bytesAStream = 16 << 10

    package let executors: [Executor]
    private let balance: Balance
    let state: Lock<State>

    struct State: Sendable {
        var health: [ExecutorHealth]
        var turn = 0
        /// Of the smooth weighted round-robin.
        var credit: [Int]
        var random: UInt64
        var load: [ExecutorLoad]
        var queue = FairQueue<Waiting>()
        var pace = GrantPace()
    }

    /// Somebody who waits for an executor.
    package struct Waiting: Sendable {
        var tried: [Int]
        var promptBytes: Int
        var grant: @Sendable (Grant) -> Void
    }

    package enum Choice: Sendable {
        /// Its attempt is counted, until `release`.
        case executor(Executor)
        /// All that could take it run as many as they may.
        case full
        /// There is none that has not been tried.
        case none
    }

    /// How an attempt ended, as far as it says something of its executor.
    package enum Outcome: Sendable {
        /// It gave its first event, or a whole answer.
        case good
        /// It could not be reached, broke off before its first event, stalled, or answered 5xx.
        case fault
        /// Its client left, or the fault was the client's.
        case neither
        /// It answered 429: it lives, and is to be left alone for so long, if it said how long.
        case busy(Nanoseconds?)
    }

    package init(executors: [Executor], balance: Balance = .leastLoad, seed: UInt64 = 0x9E37_79B9_7F4A_7C15) {
        self.executors = executors
        self.balance = balance
        state = Lock(
            State(
                health: executors.map { _ in ExecutorHealth() },
                credit: executors.map { _ in 0 },
                random: seed | 1,
                load: executors.map { ExecutorLoad(runningMax: $0.runningMax) }
            )
        )
    }

    /// Chooses an executor that is not among `tried` (places in this pool), and counts the attempt.
    ///
    /// Those that are ejected are left out, unless all are: then all are used.
    package func choose(excluding tried: [Int] = [], promptBytes: Int = 0, at now: Nanoseconds) -> Choice {
        state.withLock { choose(excluding: tried, promptBytes: promptBytes, &$0, at: now) }
    }

    func choose(excluding tried: [Int], promptBytes: Int, _ state: inout State, at now: Nanoseconds) -> Choice {
        let areAllBad = state.health.allSatisfy { $0.use(at: now) == .no }
        var isOneUsable = false
        var free: [Int] = []
        // A trial is one request, and the first that comes: it can go elsewhere if it fails.
        var trial: Int?
        for place in executors.indices where !tried.contains(place) {
            let use = state.health[place].use(at: now)
            guard areAllBad || use != .no else { continue }
            isOneUsable = true
            guard state.load[place].takesMore(running: executors[place].running, at: now) else { continue }
            free.append(place)
            if use == .trial, trial == nil { trial = place }
        }
        guard isOneUsable else { return .none }
        guard !free.isEmpty else { return .full }
        let place = trial ?? pick(from: free, &state, at: now)
        if trial != nil { state.health[place].trialBegan(at: now) }
        executors[place].attemptBegan(promptBytes: promptBytes)
        return .executor(executors[place])
    }

    /// Where an executor stands in this pool.
    package func place(of executor: Executor) -> Int? { executors.firstIndex { $0 === executor } }

    private func pick(from free: [Int], _ state: inout State, at now: Nanoseconds) -> Int {
        guard free.count > 1 else { return free[0] }
        switch balance {
        case .roundRobin:
            // The next in the order of the file that may be used.
            let next = free.first { $0 >= state.turn } ?? free[0]
            state.turn = next + 1 == executors.count ? 0 : next + 1
            return next
        case .weighted:
            let weights = free.map { (place: $0, weight: executors[$0].weight) }
            let total = weights.reduce(0) { $0 + $1.weight }
            guard total > 0 else { return free[0] }
            for entry in weights { state.credit[entry.place] += entry.weight }
            let best = weights.max { state.credit[$0.place] < state.credit[$1.place] }!.place
            state.credit[best] -= total
            return best
        case .leastLoad:
            let first = free[Int(state.next() % UInt64(free.count))]
            var second = free[Int(state.next() % UInt64(free.count - 1))]
            if second == first { second = free[free.count - 1] }
            return load(first, state, at: now) <= load(second, state, at: now) ? first : second
        }
    }

    /// What it has to do with one more, by what it may carry.
    private func load(_ place: Int, _ state: State, at now: Nanoseconds) -> Double {
        let executor = executors[place]
        let work = Double(executor.running + 1) + Double(executor.waitingBytes) / Double(Self.bytesAStream)
        return work / (Double(max(executor.weight, 0)) * state.health[place].share(at: now) + 1e-9)
    }

    // MARK: Health

    /// An attempt at this executor is over, or has shown what it is worth.
    package func report(_ outcome: Outcome, of executor: Executor, at now: Nanoseconds) {
        guard let place = place(of: executor) else { return }
        state.withLock { state in
            switch outcome {
            case .good: state.health[place].succeeded(at: now)
            case .fault: state.health[place].failed(at: now, mayEject: mayEject(place, state))
            case .neither: state.health[place].trialTold(nothingAt: now)
            case .busy(let pause):
                state.health[place].trialTold(nothingAt: now)
                state.load[place].refused(running: executor.running - 1, pause: pause, at: now)
            }
        }
    }

    package func report(
        _ probe: ExecutorHealth.Probe,
        of executor: Executor,
        rise: Int,
        fall: Int,
        at now: Nanoseconds
    ) {
        guard let place = place(of: executor) else { return }
        state.withLock { state in
            let mayEject = mayEject(place, state)
            state.health[place].probed(probe, at: now, rise: rise, fall: fall, mayEject: mayEject)
        }
    }

    /// Never more than half of a pool is left out.
    private func mayEject(_ place: Int, _ state: State) -> Bool {
        let others = state.health.indices.count { $0 != place && state.health[$0].isEjected }
        return others + 1 <= executors.count / 2
    }

    /// An executor as it stands in this pool.
    package struct Standing: Sendable {
        package var executor: Executor
        package var state: ExecutorHealth.State
        /// Requests may go to it, be it one that tries it.
        package var isUsable: Bool
    }

    package func standings(at now: Nanoseconds) -> [Standing] {
        state.withLock { state in
            executors.indices.map { place in
                let health = state.health[place]
                return Standing(executor: executors[place], state: health.state, isUsable: health.use(at: now) != .no)
            }
        }
    }

    package func health(of executor: Executor) -> ExecutorHealth.State? {
        guard let place = place(of: executor) else { return nil }
        return state.withLock { $0.health[place].state }
    }
}

extension ExecutorPool.State {
    /// xorshift64.
    fileprivate mutating func next() -> UInt64 {
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        return random
    }
}
