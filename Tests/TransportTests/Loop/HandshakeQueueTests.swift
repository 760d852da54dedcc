// In which order waiting TLS handshakes continue: by rank, and among addresses in turn. The queue's places are limited.
import LoopTesting
import Testing

@testable import Transport

private typealias Queue = HandshakeQueue<Int>

/// Holds a queue, because `#expect` cannot call a mutating function.
private final class Waiting {
    var queue = Queue()
    func add(_ element: Int, _ rank: Queue.Rank, of address: IPAddress?) -> SlabKey? {
        queue.add(element, rank, of: address)
    }
    func next() -> Int? { queue.next() }
    func all() -> [Int] { Array(sequence(state: ()) { _ in self.queue.next() }) }
}

private func address(_ text: String) -> IPAddress { IPAddress(parsing: text)! }
private let one = address("192.0.2.1"), two = address("192.0.2.2"), three = address("2001:db8::1")

@Suite struct HandshakeQueueTests {
    @Test func thoseUnderWayComeFirstThenThePreferredThenStrangers() {
        let waiting = Waiting()
        #expect(waiting.queue.isEmpty && waiting.next() == nil)
        for (element, rank) in [(1, Queue.Rank.stranger), (2, .preferred), (3, .begun)] {
            #expect(waiting.add(element, rank, of: one) != nil)
        }
        #expect(waiting.queue.count == 3 && waiting.all() == [3, 2, 1] && waiting.queue.isEmpty)
    }

    /// A flood of ClientHellos that look like resumptions does not keep strangers waiting for ever.
    @Test func aStrangerComesAfterFourPreferred() {
        #expect(Queue.preferredInARow == 4)
        let waiting = Waiting()
        for element in 0..<10 { _ = waiting.add(element, .preferred, of: one) }
        for element in 100..<103 { _ = waiting.add(element, .stranger, of: two) }
        #expect(waiting.all() == [0, 1, 2, 3, 100, 4, 5, 6, 7, 101, 8, 9, 102])
    }

    @Test func addressesHaveTurns() {
        let waiting = Waiting()
        for element in 0..<1000 { _ = waiting.add(element, .stranger, of: one) }
        #expect(waiting.next() == 0)
        _ = waiting.add(2000, .stranger, of: two)
        _ = waiting.add(2001, .stranger, of: two)
        _ = waiting.add(3000, .stranger, of: nil)
        #expect((0..<7).map { _ in waiting.next() } == [1, 2000, 3000, 2, 2001, 3, 4])
    }

    @Test func theAddressesOfASlash64HaveTheirTurnsTogether() {
        let waiting = Waiting()
        for element in 0..<4 { _ = waiting.add(element, .stranger, of: address("2001:db8::\(element + 1)")) }
        _ = waiting.add(10, .stranger, of: address("2001:db8:0:1::1"))
        #expect(waiting.all() == [0, 10, 1, 2, 3])
    }

    @Test func whatIsRemovedHasNoTurnAndNoPlace() {
        let waiting = Waiting()
        let keys = (0..<4).map { waiting.add($0, .stranger, of: $0 == 1 ? two : one)! }
        waiting.queue.remove(keys[1])
        waiting.queue.remove(keys[2])
        waiting.queue.remove(keys[2])
        #expect(waiting.queue.count == 2 && waiting.all() == [0, 3])
        waiting.queue.remove(keys[0])
        #expect(waiting.queue.isEmpty)
    }

    /// However many places of the queue attackers occupy, a client at another address gets a place.
    @Test(arguments: [1, 3, 20]) func greedyAddressesLeaveAPlace(attackers: Int) {
        let waiting = Waiting()
        waiting.queue.places = 1000
        for round in 0..<1000 {
            for attacker in 0..<attackers {
                let from = IPAddress(high: 0, low: 0xFFFF_0A00_0000 + UInt64(attacker))
                _ = waiting.add(round, .stranger, of: from)
            }
        }
        let taken = 1000 * attackers / (attackers + 1)
        #expect(abs(waiting.queue.count - taken) <= attackers)
        #expect(waiting.add(-1, .stranger, of: one) != nil && waiting.add(-2, .preferred, of: two) != nil)
        let turns = (0..<attackers + 2).map { _ in waiting.next() }
        #expect(turns.contains(-1) && turns.first == -2)
    }

    @Test func withoutPlacesOnlyThoseUnderWayWait() {
        let waiting = Waiting()
        waiting.queue.places = 0
        #expect(waiting.add(1, .stranger, of: one) == nil && waiting.add(2, .preferred, of: one) == nil)
        #expect(waiting.add(3, .begun, of: one) != nil && waiting.all() == [3])
    }

    /// A model of the queue, as simple as possible, with which the queue is compared.
    ///
    /// For each rank it has an array of addresses, each with its waiting handshakes.
    private struct Model {
        var lines: [[(address: IPAddress, elements: [Int])]] = [[], [], []]
        var preferred = 0

        mutating func add(_ element: Int, _ rank: Int, of address: IPAddress) {
            if let index = lines[rank].firstIndex(where: { $0.address == address }) {
                lines[rank][index].elements.append(element)
            } else {
                lines[rank].append((address, [element]))
            }
        }
        mutating func remove(_ element: Int) {
            for rank in lines.indices {
                for index in lines[rank].indices { lines[rank][index].elements.removeAll { $0 == element } }
                lines[rank].removeAll { $0.elements.isEmpty }
            }
        }
        mutating func next() -> Int? {
            let isStrangers = !lines[2].isEmpty && (lines[1].isEmpty || preferred >= 4)
            let rank = !lines[0].isEmpty ? 0 : isStrangers ? 2 : 1
            guard !lines[rank].isEmpty else { return nil }
            var line = lines[rank].removeFirst()
            let element = line.elements.removeFirst()
            if !line.elements.isEmpty { lines[rank].append(line) }
            preferred = rank == 1 ? preferred + 1 : rank == 2 ? 0 : preferred
            return element
        }
    }

    @Test(arguments: 0..<10) func itDoesWhatTheSimpleModelDoes(seed: UInt64) {
        var random = SplitMix(state: seed)
        let waiting = Waiting()
        var model = Model()
        var keys: [Int: SlabKey] = [:]
        let addresses = [one, two, three, address("2001:db8:1::")].map { $0.isIPv4 ? $0 : $0.prefix(64) }
        for element in 0..<3000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                let rank = Queue.Rank.allCases.randomElement(using: &random)!
                let from = addresses.randomElement(using: &random)!
                keys[element] = waiting.add(element, rank, of: from)
                model.add(element, rank.rawValue, of: from)
            case 5..<6:
                guard let gone = keys.keys.sorted().randomElement(using: &random) else { continue }
                waiting.queue.remove(keys[gone]!)
                keys[gone] = nil
                model.remove(gone)
            default:
                let next = waiting.next()
                #expect(next == model.next())
                if let next { keys[next] = nil }
            }
            #expect(waiting.queue.count == keys.count)
        }
    }
}
