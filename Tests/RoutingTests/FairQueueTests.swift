import Testing

@testable import Routing

/// Tests the queue that serves tenants fairly in turn, and the requests of each tenant in order.
@Suite struct FairQueueTests {
    @Test func oneTenantIsServedInOrder() {
        var queue = FairQueue<Int>()
        for number in 0..<200 { _ = queue.push(number, tenant: "x", cost: 100) }
        #expect((0..<200).map { _ in queue.pop() } == (0..<200).map { $0 })
        #expect(queue.pop() == nil && queue.isEmpty)
    }

    /// Another tenant has 500 waiting requests.
    ///
    /// The requests of a new tenant are served alternately with them, and not after them.
    @Test(arguments: [0, 1, 7, 100]) func aCrowdDoesNotHoldUpANewcomer(served: Int) {
        var queue = FairQueue<String>()
        for number in 0..<500 { _ = queue.push("x\(number)", tenant: "x", cost: 90) }
        for _ in 0..<served { _ = queue.pop() }
        for number in 0..<3 { _ = queue.push("y\(number)", tenant: "y", cost: 90) }
        let order = (0..<8).map { _ in queue.pop()! }
        let places = (0..<3).map { order.firstIndex(of: "y\($0)")! }
        #expect(places[0] <= 1 && places[1] <= places[0] + 2 && places[2] <= places[1] + 2, "\(order)")
    }

    @Test func bytesAreSharedNotRequests() {
        var queue = FairQueue<String>()
        for _ in 0..<1000 { _ = queue.push("small", tenant: "s", cost: 1000) }
        for _ in 0..<100 { _ = queue.push("large", tenant: "l", cost: 10_000) }
        let order = (0..<220).map { _ in queue.pop()! }
        #expect((18...22).contains(order.count { $0 == "large" }))
    }

    @Test func whoeverLeavesIsNotServed() {
        var queue = FairQueue<Int>()
        let tickets = (0..<300).map { queue.push($0, tenant: $0 % 2 == 0 ? "a" : "b", cost: 10) }
        for index in stride(from: 0, to: 300, by: 3) { #expect(queue.remove(tickets[index]) == index) }
        #expect(queue.remove(tickets[0]) == nil && queue.count == 200)
        var left: Set<Int> = []
        while let next = queue.pop() { left.insert(next) }
        #expect(left == Set((0..<300).filter { $0 % 3 != 0 }))
        #expect(tickets.allSatisfy { queue.remove($0) == nil })
    }

    /// Of many requests of one tenant, some are served, and most others leave the queue at random.
    ///
    /// The rest must be served in order.
    @Test(arguments: [0, 1, 7, 60, 200], [0, 1, 50, 240])
    func whoStaysInACrowdThatLeavesIsServed(served: Int, stay: Int) {
        var random = DifferentialTests.Random(served * 1000 + stay)
        var queue = FairQueue<Int>()
        var left = (0..<500).map { ($0, queue.push($0, tenant: "x", cost: 10)) }
        for _ in 0..<served { #expect(queue.pop() == left.removeFirst().0) }
        while left.count > stay {
            let (id, ticket) = left.remove(at: random.next(left.count))
            #expect(queue.remove(ticket) == id && queue.count == left.count)
        }
        for (id, _) in left { #expect(queue.pop() == id) }
        #expect(queue.pop() == nil && queue.isEmpty)
        _ = queue.push(-1, tenant: "x", cost: 10)
        #expect(queue.pop() == -1)
    }

    @Test func aTicketOfTheDeadFitsNobodyElse() {
        var queue = FairQueue<Int>()
        let old = queue.push(1, tenant: "a", cost: 1)
        _ = queue.pop()
        _ = queue.push(2, tenant: "b", cost: 1)
        #expect(queue.remove(old) == nil && queue.pop() == 2)
    }

    @Test func theTicketOfTheNextOneIsKnown() {
        var queue = FairQueue<Int>()
        let ticket = queue.push(0, tenant: "a", cost: 1)
        _ = queue.push(1, tenant: "a", cost: 1)
        #expect(queue.firstTicket == ticket)
        _ = queue.pop()
        #expect(queue.firstTicket != ticket && queue.remove(ticket) == nil)
        #expect(queue.remove(queue.firstTicket!) == 1 && queue.firstTicket == nil)
    }

    @Test func howManyAreAheadIsTold() {
        var queue = FairQueue<Int>()
        for _ in 0..<500 { _ = queue.push(0, tenant: "x", cost: 1) }
        #expect(queue.ahead(of: "x", cost: 1) == 500 && queue.ahead(of: "y", cost: 1) == 1)
        _ = queue.push(0, tenant: "y", cost: 1)
        #expect(queue.ahead(of: "y", cost: 1) == 3)
    }

    /// Whatever functions of the queue are called in whatever order, each element comes out exactly once.
    @Test(arguments: 0..<20) func nothingIsLostOrServedTwice(seed: Int) {
        var random = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1
        func next(_ bound: Int) -> Int {
            random ^= random << 13
            random ^= random >> 7
            random ^= random << 17
            return Int(random % UInt64(bound))
        }
        var queue = FairQueue<Int>()
        var inside: [Int: FairQueue<Int>.Ticket] = [:]
        for number in 0..<3000 {
            switch next(5) {
            case 0...2: inside[number] = queue.push(number, tenant: "t\(next(6))", cost: next(5000))
            case 3:
                if let served = queue.pop() {
                    #expect(inside.removeValue(forKey: served) != nil)
                } else {
                    #expect(inside.isEmpty)
                }
            default:
                guard let (key, ticket) = inside.randomElement() else { continue }
                #expect(queue.remove(ticket) == key)
                inside[key] = nil
            }
            #expect(queue.count == inside.count)
        }
        while let served = queue.pop() { #expect(inside.removeValue(forKey: served) != nil) }
        #expect(inside.isEmpty)
    }
}
