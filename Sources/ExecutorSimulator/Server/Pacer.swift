// Paces streams: one timer steps all streams of a pace, all at once or spread over the period.
internal import Transport

/// Steps each of its streams once per period.
///
/// Confined to the simulator's loop.
final class Pacer: TimerTarget {
    /// The number of slots into which the period is divided if streams are spread.
    private static let slotsWhenSpread = 40
    /// The most steps between two flushes, so that in a burst of a thousand streams none waits for all writes.
    private static let batch = 32

    /// A slot whose streams are being stepped, from the last one to the first one.
    private struct Round {
        var slot: Int
        /// The number of streams that have not been stepped.
        var left: Int
    }

    private let simulator: ExecutorSimulator
    /// The time between two slots.
    private let tick: Nanoseconds
    /// The streams of each slot.
    private var slots: [[SimulatedExchange]]
    /// The number of streams.
    private var members = 0
    /// The slot that is stepped at `nextDue`.
    private var nextSlot = 0
    /// The slot that the next stream joins.
    private var joinSlot = 0
    private var nextDue: Nanoseconds = 0
    private var timer: TimerID?
    private var rounds: [Round] = []
    /// The number of the current round; a stream is stepped once in each, wherever a removal has moved it.
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
            // The first stream sets the phase: its first token is due now or at the end of its prefill.
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
        // The stride has no factor in common with the number of slots, so that a few streams are spread well, too.
        joinSlot = (joinSlot + 17) % slots.count
    }

    /// Removes a stream; does nothing for a stream that has not joined.
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
        // After a long delay the missed steps are skipped, as executors do.
        if nextDue + 8 * tick * Nanoseconds(slots.count) < now { nextDue = now }
        while nextDue <= now {
            rounds.append(Round(slot: nextSlot, left: slots[nextSlot].count))
            nextSlot = (nextSlot + 1) % slots.count
            nextDue += tick
        }
        schedule()
        stepBatch()
    }

    /// Steps up to `batch` streams; the others of the round follow in the next turns of the loop.
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
