// Simulates how long the engine takes to compute prompts (the prefill). Only the tokens of a prompt that the prefix
// cache does not have must be computed.
internal import Transport

/// The queue of prompts to compute, and the prefix cache, of a simulated engine.
///
/// The simulator owns the object if its options have a cache or a prefill rate. Only the thread of the simulator's loop
/// may use it.
final class Prefills: TimerTarget {
    private unowned let simulator: ExecutorSimulator
    /// The prefix cache; nil if the simulator has none.
    private(set) var cache: PrefixCache?
    /// How many prompt tokens are computed in a second, one prompt after the other.
    ///
    /// The value is nil if the options set no prefill rate. Each prefill then takes the time that the options or its
    /// request set, and all prefills run at once.
    private let rate: Double?
    /// The path of a file that tests create to slow down the prefills that begin while it exists; nil for none.
    private let slowWhile: String?
    /// The factor by which `rate` is multiplied while the file `slowWhile` exists.
    private static let slowPart = 1.0 / 3
    private var queue = PrefillQueue<SimulatedExchange>()
    private var timer: TimerID?

    /// Makes the queue of prompts to compute; nil if the options of the simulator have neither a cache nor a prefill
    /// rate.
    init?(of simulator: ExecutorSimulator) {
        let options = simulator.options
        guard options.countsPrompts else { return nil }
        self.simulator = simulator
        cache = options.cacheTokens.map { PrefixCache(tokens: $0, blockSize: options.blockSize) }
        rate = options.prefillRate
        slowWhile = options.slowWhile
    }

    /// How many prompts wait to be computed.
    var waiting: Int { queue.waiting }

    /// Puts the prompt of an exchange in the queue, and starts to compute it if no other prompt is being computed.
    ///
    /// - Parameter hasOwnTime: whether the request itself says how long its prefill takes; such a prompt is not put in
    ///   the queue.
    /// - Returns: true if the prompt was put in the queue; `prefillEnded` is then called on the exchange when the
    ///   prompt has been computed. If false, because of `hasOwnTime` or because there is no `rate`, the exchange times
    ///   its prefill itself.
    func begin(_ exchange: SimulatedExchange, hasOwnTime: Bool) -> Bool {
        guard rate != nil, !hasOwnTime else {
            _ = lookUp(exchange)
            return false
        }
        queue.add(exchange, at: simulator.loop.now)
        startNext()
        return true
    }

    /// Adds the blocks of a prompt to the prefix cache; called after the prompt has been computed.
    func keep(_ blocks: PromptBlocks) { for chain in blocks.chains { cache?.insert(chain) } }

    /// Removes an exchange's prompt from the queue, or stops its computation if it has begun.
    ///
    /// Does nothing if the prompt neither waits nor is being computed.
    func leave(_ exchange: SimulatedExchange) { if queue.remove(exchange, at: simulator.loop.now) { startNext() } }

    /// Gives up the computation of all prompts, and stops the timer.
    func close() {
        queue.removeAll()
        schedule()
    }

    /// Looks up a prompt in the cache when its prefill begins.
    ///
    /// - Returns: how many tokens must be computed, at least 1.
    private func lookUp(_ exchange: SimulatedExchange) -> Int {
        guard let blocks = exchange.blocks else { return 1 }
        guard cache != nil, !blocks.chains.isEmpty else { return blocks.tokens }
        var cached = 0
        for chain in blocks.chains { cached += cache?.lookUp(chain) ?? 0 }
        simulator.counters.prefixQueries += blocks.tokens
        simulator.counters.prefixHits += cached
        exchange.prefillBegan(cachedTokens: cached)
        return blocks.tokens - cached
    }

    /// Starts to compute the next prompt if none is being computed.
    ///
    /// The function never calls `prefillEnded`, which writes to a stream, because its callers may be closing a
    /// connection.
    private func startNext() {
        if let next = queue.next { queue.start(for: duration(lookUp(next))) }
        schedule()
    }

    private func duration(_ tokens: Int) -> Nanoseconds {
        guard let rate else { return 0 }
        let part = slowWhile.map { FileStamp($0) != nil } == true ? Self.slowPart : 1
        return Nanoseconds(min((Double(tokens) / (rate * part) * 1_000_000_000).rounded(.up), 1e18))
    }

    private func schedule() {
        if let timer { simulator.loop.timers.cancel(timer) }
        timer = nil
        guard let end = queue.end else { return }
        timer = simulator.loop.timers.schedule(at: end, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        timer = nil
        while let ended = queue.takeEnded(at: simulator.loop.now) {
            ended.prefillEnded()
            startNext()
        }
        schedule()
    }
}
