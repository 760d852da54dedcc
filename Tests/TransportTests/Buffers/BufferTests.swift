// Chunks, byte queues, the scratch buffer and the memory budget.
import Testing
import Transport

@Suite struct BufferTests {
    private func contents(_ queue: inout ByteQueue) -> [UInt8] {
        let scratch = Scratch()
        queue.move(upTo: .max, to: scratch)
        return Array(scratch.bytes)
    }

    @Test func aQueueGivesBackWhatItTookInOrder() {
        let pool = ChunkPool()
        var queue = ByteQueue(pool: pool)
        var expected: [UInt8] = []
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let piece = (0..<Int.random(in: 0...9000, using: &random)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            queue.append(piece)
            expected += piece
            let drop = Int.random(in: 0...min(12_000, expected.count), using: &random)
            queue.drop(drop)
            expected.removeFirst(drop)
            #expect(queue.count == expected.count)
        }
        #expect(contents(&queue) == expected)
        #expect(queue.isEmpty && pool.bytesInUse == 0)
    }

    @Test func aQueueMovesNoMoreThanAsked() {
        let pool = ChunkPool()
        var queue = ByteQueue(pool: pool)
        queue.append([UInt8](repeating: 1, count: 10_000))
        let scratch = Scratch(capacity: 16)
        queue.move(upTo: 4097, to: scratch)
        #expect(scratch.count == 4097 && queue.count == 5903)
        queue.removeAll()
        #expect(queue.isEmpty && pool.bytesInUse == 0)
        queue.append([])
        queue.append([UInt8]("x".utf8))
        #expect(contents(&queue) == [UInt8]("x".utf8))
    }

    @Test func aQueueThatEndsGivesItsChunksBack() {
        let pool = ChunkPool(freeMax: 1)
        do {
            var queue = ByteQueue(pool: pool)
            queue.append([UInt8](repeating: 1, count: 20_000))
            #expect(pool.bytesInUse == 5 * 4096)
        }
        #expect(pool.bytesInUse == 0)
    }

    @Test func theScratchGrowsAndShrinks() {
        let scratch = Scratch(capacity: 8)
        scratch.append("0123456789")
        scratch.append(upTo: 100) { room in
            room[0] = 33
            return 1
        }
        #expect(Array(scratch.bytes) == Array("0123456789!".utf8))
        scratch.append([UInt8](repeating: 0, count: 3 << 20))
        scratch.removeAll()
        #expect(scratch.isEmpty)
        scratch.append("again")
        #expect(Array(scratch.bytes) == Array("again".utf8))
    }

    @Test func theBudgetNeverPassesItsLimit() {
        let budget = MemoryBudget(limit: 1 << 20)
        #expect(budget.reserve(1 << 20))
        #expect(!budget.reserve(1))
        budget.release(1 << 19)
        #expect(budget.used == 1 << 19)
        #expect(!budget.reserve(Int.max), "a content-length of 2^63-1 must not wrap around")
        #expect(budget.used == 1 << 19)
    }

    @Test func anExchangeIsChargedItsShareOfAQuarter() {
        let budget = MemoryBudget(limit: 4 << 20)
        #expect(budget.enter(most: 256 << 10) == 256 << 10)
        #expect(budget.enter(most: 256 << 10) == 256 << 10)
        #expect(budget.enter(most: 256 << 10) == (512 << 10) / 3)
        #expect(budget.used == (512 << 10) + (512 << 10) / 3)
        for share in [256 << 10, 256 << 10, (512 << 10) / 3] { budget.leave(share: share) }
        #expect(budget.used == 0)
        #expect(budget.reserve(4 << 20))
        #expect(budget.enter(most: 256 << 10) == 16 << 10)
    }

    /// design.md: a thousand readers that stop, in 128 MiB.
    @Test func aThousandConnectionsWithAnExchangeEachFindRoom() {
        let budget = MemoryBudget(limit: 128 << 20)
        for _ in 0..<1000 {
            #expect(budget.reserve(64 << 10))
            #expect(budget.enter(most: 256 << 10) >= 16 << 10)
        }
        #expect(budget.used < 112 << 20)
    }
}
