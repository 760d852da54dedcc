// The beat of the streams: one timer steps all streams of a pace, together or spread over the period.
internal import Transport

/// Steps streams once a period each.
///
/// Confined to the simulator's loop.
final class Pacer: TimerTarget {
    private static let slotsWhenSpread = 40
    /// Steps between two flushes: the last stream of a burst of a thousand should not wait for the first one's writes.
    private static let batch = 32

    /// A slot that is being stepped, from its end to its beginning.
    private struct Round {
        var slot: Int
        var left: Int
    }

    private let simulator: ExecutorSimulator
    private let tick: Nanoseconds
    private var slots: [[SimulatedExchange]]
    private var members = 0
    private var nextSlot = 0
    private var joinSlot = 0
    private var nextDue: Nanoseconds = 0
    private var timer: TimerID?
    private var rounds: [Round] = []
    /// Numbers the rounds of a slot: a stream takes part in each once, wherever removals have moved it.
    private var round = 0

    init(simulator: ExecutorSimulator, period: Nanoseconds, isSpread: Bool) {
        self.simulator = simulator
        let count = isSpread && period >= 1_000_000 ? Self.slotsWhenSpread : 1
        tick = max(1, period / Nanoseconds(count))
        slots = Array(repeating: [], count: count)
    }

    var isBehind: Bool { !rounds.isEmpty }

    func join(_ exchange: SimulatedExchange) {
        if members == 0 {
            // Nobody keeps the beat: it begins with this one's first token.
            nextDue = max(exchange.readyAt, simulator.loop.now)
            nextSlot = joinSlot
            if let timer { simulator.loop.timers.cancel(timer) }
            schedule()
        }
        members += 1
        exchange.slot = joinSlot
        exchange.place = slots[joinSlot].count
        exchange.round = -1
        slots[joinSlot].append(exchange)
        // A stride that has no factor in common with the number of slots: few streams are spread well, too.
        joinSlot = (joinSlot + 17) % slots.count
    }

    func leave(_ exchange: SimulatedExchange) {
        let slot = exchange.slot
        guard slot >= 0 else { return }
        let last = slots[slot].removeLast()
        if last !== exchange {
            slots[slot][exchange.place] = last
            last.place = exchange.place
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
        // A simulator that was held up for long does not catch up: executors do not either.
        if nextDue + 8 * tick * Nanoseconds(slots.count) < now { nextDue = now }
        while nextDue <= now {
            rounds.append(Round(slot: nextSlot, left: slots[nextSlot].count))
            nextSlot = (nextSlot + 1) % slots.count
            nextDue += tick
        }
        schedule()
        stepBatch()
    }

    /// Steps so many streams that their tokens make one flush; the rest follows in the next turns.
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
        if isBehind { simulator.continueLater(self) }
    }
}
