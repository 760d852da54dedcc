// Times the tokens of streams: one timer lets all streams of the same pace generate their next token, either all at
// once or spread over a period.
internal import Transport

/// Lets each of its streams generate the next token, once per period.
///
/// A call of `step` on a stream generates the token. Only the thread of the simulator's loop may use the pacer.
final class Pacer: TimerTarget {
    /// Into how many time slots the time from one token of a stream to the next is divided, if the streams take turns
    /// in it.
    private static let slotsWhenSpread = 40
    /// The largest number of streams that generate a token between two flushes of the event loop.
    ///
    /// In a burst of a thousand streams, the limit lets the first streams send their output early.
    private static let batch = 32

    /// The progress through the streams of one time slot, from the last stream to the first.
    private struct Round {
        var slot: Int
        /// How many streams of the time slot have not generated their next token in this round yet.
        var left: Int
    }

    private let simulator: ExecutorSimulator
    /// The time from one token of a stream to the next.
    let period: Nanoseconds
    /// The length of a time slot; a period is divided into time slots of equal length.
    private let tick: Nanoseconds
    /// The streams that generate a token in each time slot.
    private var slots: [[SimulatedExchange]]
    /// How many streams all time slots have together.
    private var members = 0
    /// The index of the time slot whose streams generate a token at `nextDue`.
    private var nextSlot = 0
    /// The index of the time slot that the next new stream joins.
    private var joinSlot = 0
    private var nextDue: Nanoseconds = 0
    private var timer: TimerID?
    private var rounds: [Round] = []
    /// The number of the current round, in which each stream of one time slot generates a token.
    ///
    /// Each stream stores the last round in which the pacer called its function `step`. When a stream leaves, another
    /// stream may move to its index. By the stored round, the pacer sees whether it has already called that stream in
    /// this round.
    private var round = 0

    init(simulator: ExecutorSimulator, period: Nanoseconds, isSpread: Bool) {
        self.simulator = simulator
        self.period = period
        let count = isSpread && period >= 1_000_000 ? Self.slotsWhenSpread : 1
        tick = max(1, period / Nanoseconds(count))
        slots = Array(repeating: [], count: count)
    }

    /// Adds a stream.
    func join(_ exchange: SimulatedExchange) {
        if members == 0 {
            // The first stream determines when a period begins, so that the stream generates its first token when its
            // prefill ends.
            nextDue = max(exchange.readyAt, simulator.loop.now)
            nextSlot = joinSlot
            reschedule()
        } else if max(exchange.readyAt, simulator.loop.now) + period < nextDue {
            // The next tokens are due only after the long prefill of another stream. The new stream is ready much
            // earlier, so the next tokens become due when it is ready.
            nextDue = max(exchange.readyAt, simulator.loop.now)
            reschedule()
        }
        members += 1
        exchange.slot = joinSlot
        exchange.indexInSlot = slots[joinSlot].count
        exchange.round = -1
        slots[joinSlot].append(exchange)
        // 17 and the number of time slots (40) have no common factor, so even a few streams are spread evenly.
        joinSlot = (joinSlot + 17) % slots.count
    }

    /// Removes a stream.
    ///
    /// Does nothing if the stream has not joined.
    func leave(_ exchange: SimulatedExchange) {
        let slot = exchange.slot
        guard slot >= 0 else { return }
        let last = slots[slot].removeLast()
        if last !== exchange {
            slots[slot][exchange.indexInSlot] = last
            last.indexInSlot = exchange.indexInSlot
        }
        exchange.slot = -1
        members -= 1
    }

    private func reschedule() {
        if let timer { simulator.loop.timers.cancel(timer) }
        schedule()
    }

    private func schedule() {
        timer = simulator.loop.timers.schedule(at: nextDue, target: self, kind: 0)
    }

    func timerFired(_ kind: Int) {
        timer = nil
        guard members > 0 else {
            simulator.forget(self)
            return
        }
        let now = simulator.loop.now
        // After a delay of more than eight periods, the overdue time slots are skipped, because a real model server
        // does not generate tokens faster afterwards to catch up.
        if nextDue + 8 * tick * Nanoseconds(slots.count) < now { nextDue = now }
        while nextDue <= now {
            rounds.append(Round(slot: nextSlot, left: slots[nextSlot].count))
            nextSlot = (nextSlot + 1) % slots.count
            nextDue += tick
        }
        schedule()
        stepBatch()
    }

    /// Lets up to `batch` streams generate their next token.
    ///
    /// If more streams are due, the simulator calls this function again at the end of the loop's turn.
    func stepBatch() {
        var budget = Self.batch
        while budget > 0, let current = rounds.first {
            let slot = current.slot
            let index = min(current.left, slots[slot].count) - 1
            guard index >= 0 else {
                rounds.removeFirst()
                round += 1
                continue
            }
            rounds[0].left = index
            let exchange = slots[slot][index]
            guard exchange.round != round else { continue }
            exchange.round = round
            exchange.step()
            budget -= 1
        }
        if !rounds.isEmpty { simulator.continueLater(self) }
    }
}
