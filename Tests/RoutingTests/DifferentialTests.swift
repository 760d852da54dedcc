import Testing
import Transport

@testable import Routing

/// Compares the optimised types with plain models of them: the same random calls must give the same results.
@Suite struct DifferentialTests {
    struct Random {
        var state: UInt64

        init(_ seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

        mutating func next(_ bound: Int) -> Int {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return Int(state % UInt64(bound))
        }
    }

    // MARK: Token buckets

    /// A token bucket in whole seconds and whole tokens per second, so that integer arithmetic is exact.
    private struct PlainBucket {
        var spent = 0
        var seen = 0
        mutating func flow(_ limit: Int, _ now: Int) {
            spent = min(spent, 2 * limit)
            spent = max(0, spent - max(0, now - seen) * limit / 60)
            seen = max(seen, now)
        }
        func time(_ tokens: Int, _ limit: Int) -> Nanoseconds { Nanoseconds(tokens * 60_000_000_000 / limit) }
    }

    @Test(arguments: 0..<20) func aBucketIsWhatItsModelIs(seed: Int) {
        var random = Random(seed)
        var (bucket, plain, clock) = (TokenBucket(), PlainBucket(), 1)
        for step in 0..<3000 {
            if random.next(3) == 0 { clock += random.next(random.next(10) == 0 ? 300 : 20) }
            // The clock of a worker may be behind that of another worker.
            let now = max(1, clock - (random.next(5) == 0 ? random.next(3) : 0))
            let time = Nanoseconds(now) * 1_000_000_000
            let limit = random.next(4) > 0 ? 600 : [60, 120, 6000, 60_000][random.next(4)]
            let count = random.next(random.next(4) == 0 ? 3 * limit : limit / 4 + 2)
            plain.flow(limit, now)
            switch random.next(4) {
            case 0:
                let (isFit, over) = (plain.spent + count <= limit, plain.spent + count - limit)
                let expected = isFit ? nil : count > limit ? .max : plain.time(over, limit)
                if isFit { plain.spent += count }
                #expect(bucket.take(count, of: limit, at: time) == expected, "step \(step)")
            case 1:
                let change = random.next(2) == 0 ? count : -count
                plain.spent = min(max(0, plain.spent + change), 2 * limit)
                bucket.adjust(by: change, of: limit, at: time)
            case 2: #expect(bucket.reset(of: limit, at: time) == plain.time(plain.spent, limit), "step \(step)")
            default: #expect(bucket.remaining(of: limit, at: time) == max(0, limit - plain.spent), "step \(step)")
            }
        }
    }

    // MARK: The fair queue

    /// Deficit round-robin as its paper describes it (Shreedhar and Varghese, 1995).
    ///
    /// `lines` has the tenants in the order in which they are served next.
    private struct PlainQueue {
        var lines: [(tenant: String, deficit: Int, entries: [(id: Int, cost: Int)])] = []
        var last = ""
        var count: Int { lines.reduce(0) { $0 + $1.entries.count } }
        mutating func push(_ id: Int, _ tenant: String, _ cost: Int) {
            if !lines.contains(where: { $0.tenant == tenant }) { lines.append((tenant, 0, [])) }
            lines[lines.firstIndex { $0.tenant == tenant }!].entries.append((id, cost))
        }
        mutating func remove(_ id: Int) {
            for index in lines.indices { lines[index].entries.removeAll { $0.id == id } }
            lines.removeAll { $0.entries.isEmpty }
        }
        mutating func pop() -> Int? {
            let quantum = lines.map(\.entries[0].cost).min() ?? 0
            while !lines.isEmpty {
                var line = lines.removeFirst()
                if line.deficit < line.entries[0].cost { line.deficit += quantum }
                let isServed = line.deficit >= line.entries[0].cost
                let served = line.entries[0]
                if isServed { line = (line.tenant, line.deficit - served.cost, Array(line.entries.dropFirst())) }
                if !line.entries.isEmpty { lines.append(line) }
                if isServed { last = line.tenant }
                if isServed { return served.id }
            }
            return nil
        }
        /// Removes the latest request of the tenant with the most requests.
        ///
        /// If several tenants have the most, the tenant that was served last loses a request, else the last one in
        /// order.
        mutating func makeRoom(for tenant: String) -> Int? {
            let own = lines.first { $0.tenant == tenant }?.entries.count ?? 0
            let most = lines.map(\.entries.count).max() ?? 0
            let fullest = lines.filter { $0.entries.count == most }
            guard let giver = fullest.first(where: { $0.tenant == last }) ?? fullest.last else { return nil }
            guard most > own + 1 || most == own + 1 && giver.tenant == last else { return nil }
            remove(giver.entries.last!.id)
            return giver.entries.last!.id
        }
    }

    @Test(arguments: 0..<20) func aFairQueueIsWhatItsModelIs(seed: Int) {
        var random = Random(seed + 100)
        var (queue, plain) = (FairQueue<Int>(), PlainQueue())
        var tickets: [(id: Int, ticket: FairQueue<Int>.Ticket)] = []
        let costs = [1, 10, 1 + random.next(5000)]
        for id in 0..<3000 {
            // The queue alternately fills and drains every 300 steps.
            switch random.next(id / 300 % 2 == 0 ? 8 : 16) {
            case 0...3:
                let (tenant, cost) = ("t\(random.next(7))", 1 + random.next(costs[random.next(3)]))
                tickets.append((id, queue.push(id, tenant: tenant, cost: cost)))
                plain.push(id, tenant, cost)
            case 4:
                let tenant = "t\(random.next(8))"
                let may = queue.mayMakeRoom(for: tenant)
                let way = queue.makeRoom(for: tenant)
                #expect(may == (way != nil))
                #expect(way?.element == plain.makeRoom(for: tenant), "step \(id)")
                if let way { #expect(tickets.first { $0.id == way.element }?.ticket == way.ticket) }
            case 5 where !tickets.isEmpty:
                let (id, ticket) = tickets.remove(at: random.next(tickets.count))
                let isThere = plain.lines.contains { $0.entries.contains { $0.id == id } }
                #expect(queue.remove(ticket) == (isThere ? id : nil))
                plain.remove(id)
            default: #expect(queue.pop() == plain.pop(), "step \(id)")
            }
            #expect(queue.count == plain.count)
        }
        while let next = plain.pop() { #expect(queue.pop() == next) }
        #expect(queue.pop() == nil && queue.isEmpty)
    }

    /// If all requests have the same cost, `ahead` is exactly the number of requests that are served before a new one.
    @Test(arguments: 0..<20) func whoIsAheadIsServedBefore(seed: Int) {
        var random = Random(seed + 200)
        for _ in 0..<50 {
            var queue = FairQueue<Int>()
            for id in 0..<random.next(60) { _ = queue.push(id, tenant: "t\(random.next(5))", cost: 100) }
            let tenant = "t\(random.next(6))"
            let ahead = queue.ahead(of: tenant, cost: 100)
            _ = queue.push(-1, tenant: tenant, cost: 100)
            var before = 0
            while queue.pop() != -1 { before += 1 }
            #expect(before == ahead)
        }
    }
}
