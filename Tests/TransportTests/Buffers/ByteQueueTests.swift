// Queues of bytes in pooled chunks; appended bytes are either copied or shared.
import Testing
import Transport

@Suite struct ByteQueueTests {
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

    // MARK: Shared bytes

    @Test func sharedBytesGoOutInOrderAndAreNotCopied() {
        let pool = ChunkPool()
        var queue = ByteQueue(pool: pool)
        let list = SharedBytes(common: [UInt8](repeating: 7, count: 10_000))
        queue.append([UInt8]("head".utf8))
        queue.append(list)
        queue.append([UInt8]("tail".utf8))
        queue.append(SharedBytes(common: []))
        #expect(queue.count == 10_008 && pool.bytesInUse == 2 * 4096)
        let scratch = Scratch()
        queue.move(upTo: 5000, to: scratch)
        #expect(Array(scratch.bytes) == [UInt8]("head".utf8) + [UInt8](repeating: 7, count: 4996))
        #expect(contents(&queue) == [UInt8](repeating: 7, count: 5004) + [UInt8]("tail".utf8))
        #expect(queue.isEmpty && queue.footprint == 0 && pool.bytesInUse == 0)
    }

    /// A queue's footprint is the memory of its chunks, and of the large buffers that it alone holds (`owned`).
    ///
    /// It does not include buffers that exist once for all queues (`common`).
    @Test func aQueueKnowsWhatItHolds() {
        var queue = ByteQueue(pool: ChunkPool())
        queue.append([1])
        #expect(queue.footprint == 4096)
        queue.append(SharedBytes(common: [UInt8](repeating: 1, count: 100_000)))
        #expect(queue.footprint < 4096 + 100)
        let owned = [UInt8](repeating: 1, count: 100_000)
        queue.append(SharedBytes(owned: owned))
        #expect(queue.footprint >= 104_096 && queue.footprint < 105_000 + owned.capacity - owned.count)
        queue.drop(100_001)
        #expect(queue.footprint >= 100_000 && queue.footprint < 101_000 + owned.capacity - owned.count)
        queue.drop(50_000)
        #expect(queue.footprint >= 100_000, "a part of shared bytes holds all of them")
        queue.removeAll()
        #expect(queue.footprint == 0)
    }

    @Test func sharedBytesAreLetGoWithTheirQueue() {
        weak var shared: SharedBytes?
        do {
            var queue = ByteQueue(pool: ChunkPool())
            let bytes = SharedBytes(owned: [1, 2, 3])
            shared = bytes
            queue.append(bytes)
            #expect(queue.count == 3)
        }
        #expect(shared == nil)
    }
}
