// Times the tokens of streams: one timer steps all streams of the same pace, either all at once or spread
// over a period.
internal import Transport

/// Steps each of its streams once per period.
///
/// Confined to the thread of the simulator's loop.
final class Pacer: TimerTarget {
    /// Into how many slots a period is divided if streams are spread.
    private static let slotsWhenSpread = 40
    /// The maximum number of streams stepped between two flushes.
    ///
    /// In a burst of a thousand streams, the limit lets the first streams send their output early.
    private static let batch = 32

    /// A slot whose streams are being stepped, in the order from the last stream to the first.
    private struct Round {
        var slot: Int
        /// How many streams of the slot have not been stepped in this round.
        var left: Int
    }

    private let simulator: ExecutorSimulator
    /// The time between two slots.
    private let tick: Nanoseconds
    /// The streams of each slot.
    private var slots: [[SimulatedExchange]]
    /// How many streams all slots have together.
    private var members = 0
    /// The index of the slot that is stepped at `nextDue`.
    private var nextSlot = 0
    /// The index of the slot that the next new stream joins.
    private var joinSlot = 0
    private var nextDue: Nanoseconds = 0
    private var timer: TimerID?
    private var rounds: [Round] = []
    /// The number of the current round.
    ///
    /// A stream stores it, so that it is stepped only once even if a removal moves it.
    private var round = 0

    init(simulator: ExecutorSimulator, period: Nanoseconds, isSpread: Bool) {
        self.simulator = simulator
        let count = isSpread && period >= 1_000_000 ? Self.slotsWhenSpread : 1
        tick = max(1, period / Nanoseconds(count))
        slots = Array(repeating: [], count: count)
    }

    /// Adds a stream.
    func join(_ exchange: SimulatedExchange) {
        if members == 0 {
            // The first stream determines when periods begin, so that its first token is due at the end of its prefill.
            nextDue = max(exchange.readyAt, simulator.loop.now)
            nextSlot = joinSlot
            if let timer { simulator.loop.timers.cancel(timer) }
            schedule()
        }
        members += 1
        exchange.slot = joinSlot
        exchange.indexInSlot = slots[joinSlot].count
        exchange.round = -1
        slots[joinSlot].append(exchange)
        // 17 has no factor in common with the number of slots (40), so even a few streams are spread evenly.
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
        // After a long delay the missed steps are skipped, because a real model server does not catch up either.
        if nextDue + 8 * tick * Nanoseconds(slots.count) < now { nextDue = now }
        while nextDue <= now {
            rounds.append(Round(slot: nextSlot, left: slots[nextSlot].count))
            nextSlot = (nextSlot + 1) % slots.count
            nextDue += tick
        }
        schedule()
        stepBatch()
    }

    /// Steps up to `batch` streams.
    ///
    /// The loop calls it again at the end of the turn for the other streams of the round.
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
