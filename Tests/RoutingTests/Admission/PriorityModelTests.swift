import Testing

@testable import Routing

/// Compares the queue of a pool with a plain model of its classes: the same random calls must give the same order.
@Suite final class PriorityModelTests {
    /// The waiting requests by class, and for each lower class the slots that its share has earned so far, in percent
    /// of one slot.
    private struct Model {
        var queues = [FairQueue<Int>](repeating: FairQueue(), count: 3)
        var owed = [0, 0, 0]
        let shares: [Int]
        let queueMax: Int

        var count: Int { queues.reduce(0) { $0 + $1.count } }

        mutating func push(_ id: Int, rank: Int, tenant: String, cost: Int) -> FairQueue<Int>.Ticket {
            if queues[rank].isEmpty { owed[rank] = 0 }
            return queues[rank].push(id, tenant: tenant, cost: cost)
        }

        /// The class whose request is served next: 0 is `interactive`, 1 `standard`, 2 `bulk`.
        ///
        /// A lower class comes first when its share has earned a slot.
        var next: Int? {
            for rank in [1, 2] where !queues[rank].isEmpty && owed[rank] + shares[rank] >= 100 { return rank }
            return queues.firstIndex { !$0.isEmpty }
        }

        /// Does what the pool does before it admits a new request: it asks a lower class that is due for its first
        /// request.
        ///
        /// Reading `first` has an effect: it moves the turn within that class to the tenant whose request is next.
        mutating func askBefore(rank: Int) {
            guard let next, next > rank, queues[...rank].allSatisfy(\.isEmpty) else { return }
            if owed[next] + shares[next] >= 100 { _ = queues[next].first }
        }

        mutating func gave(to served: Int) {
            for rank in [1, 2] {
                if !queues[rank].isEmpty { owed[rank] += shares[rank] }
                if rank == served { owed[rank] = max(0, owed[rank] - 100) }
            }
        }

        mutating func pop() -> Int? {
            guard let rank = next else { return nil }
            gave(to: rank)
            defer {
                // The pool then looks for one more request in each class, and finds no free slot. Reading `first` moves
                // the turn within the class to the tenant that is next, so the model does the same.
                for rank in queues.indices where !queues[rank].isEmpty { _ = queues[rank].first }
            }
            return queues[rank].pop()
        }

        /// Removes a waiting request from the full queue for a new one, and returns its id; nil if none gives way.
        mutating func makeRoom(rank: Int, tenant: String) -> Int? {
            for lower in [2, 1] where lower > rank && queues[lower].count > queueMax * shares[lower] / 100 {
                return queues[lower].removeLatest()?.element
            }
            return queues[rank].makeRoom(for: tenant)?.element
        }
    }

    private struct Request {
        var rank: Int
        var ticket: QueueTicket
        var inModel: FairQueue<Int>.Ticket
    }

    @Test(arguments: 0..<40) func theOrderIsThatOfTheModel(seed: Int) {
        var random = DifferentialTests.Random(seed + 300)
        let (slots, queueMax) = (1 + random.next(3), 1 + random.next(40))
        let shares = [(20, 5), (0, 0), (50, 40), (10, 30)][random.next(4)]
        let executor = Executor(id: 1, engine: Engine(id: 2, name: "e"), model: "m")
        let pool = ExecutorPool(
            PoolEntry(id: 1),
            members: [PoolMember(executor, runningMax: slots)],
            shares: QueueShares(standard: shares.0, bulk: shares.1)
        )
        var model = Model(shares: [0, shares.0, shares.1], queueMax: queueMax)
        var (waiting, expected, gone): ([Int: Request], [String], [String]) = ([:], [], [])
        let granted = Granted()
        for id in 0..<1500 {
            switch random.next(id / 150 % 2 == 0 ? 6 : 12) {
            case 0...3:
                let (rank, tenant, cost) = (random.next(3), "t\(random.next(4))", 1 + random.next(300))
                model.askBefore(rank: rank)
                var request = RoutingRequest(tenant: tenant, promptBytes: cost)
                request.priority = PriorityClass.allCases[rank]
                let admission = pool.admit(request, waitMax: .max / 4, queueMax: queueMax, at: 0) {
                    granted.take("\(id)", $0)
                }
                if executor.running < slots || admission.isExecutor {
                    #expect(admission.isExecutor && model.count == 0, "step \(id): a slot is free only if nobody waits")
                    model.queues[rank].lastServed = tenant
                    model.gave(to: rank)
                    continue
                }
                let isFull = model.count >= queueMax
                let way = isFull ? model.makeRoom(rank: rank, tenant: tenant) : nil
                if let way {
                    gone.append("\(way)")
                    waiting[way] = nil
                }
                #expect((admission.ticket != nil) == (!isFull || way != nil), "step \(id)")
                guard let ticket = admission.ticket else { continue }
                let inModel = model.push(id, rank: rank, tenant: tenant, cost: cost)
                waiting[id] = Request(rank: rank, ticket: ticket, inModel: inModel)
            case 4:
                guard let id = waiting.keys.sorted().first(where: { _ in random.next(4) == 0 }) else { continue }
                guard let request = waiting.removeValue(forKey: id) else { continue }
                #expect(pool.leave(request.ticket) && model.queues[request.rank].remove(request.inModel) == id)
            default:
                guard executor.running > 0 else { continue }
                if let served = model.pop() {
                    expected.append("\(served)")
                    waiting[served] = nil
                }
                pool.release(executor, at: 0)
            }
            #expect(granted.order == expected && granted.gaveWay.map(\.name) == gone, "step \(id)")
            #expect(pool.waitingCounts == model.queues.map(\.count) && pool.waitingCount <= queueMax, "step \(id)")
            if granted.order != expected { break }
        }
        while executor.running > 0 {
            if let served = model.pop() { expected.append("\(served)") }
            pool.release(executor, at: 0)
        }
        #expect(granted.order == expected && pool.waitingCount == 0, "nobody is left behind")
    }
}
