// Which blocks of prompts the simulated executor's prefix cache keeps, and which it drops.
import Testing

@testable import ExecutorSimulator

/// A slow prefix cache with which `PrefixCache` is compared.
///
/// To drop a block, it searches all blocks that no cached block follows for the one that was used least recently.
/// `PrefixCache` keeps its blocks in that order instead.
private struct NaiveCache {
    struct Block {
        var before: UInt64?
        var lastUse: Int
    }
    let blockSize: Int
    let capacity: Int
    private(set) var blocks: [UInt64: Block] = [:]
    private var clock = 0

    init(tokens: Int, blockSize: Int) {
        self.blockSize = blockSize
        capacity = tokens / blockSize
    }

    mutating func lookUp(_ prompt: BlockChain) -> Int {
        clock += 1
        var found = 0
        for hash in prompt.hashes.prefix(max(0, prompt.tokens - 1) / blockSize) {
            guard blocks[hash] != nil else { break }
            blocks[hash]?.lastUse = clock
            found += 1
        }
        return found * blockSize
    }

    mutating func insert(_ prompt: BlockChain) {
        clock += 1
        for hash in prompt.hashes.prefix(capacity) where blocks[hash] != nil { blocks[hash]?.lastUse = clock }
        var before: UInt64?
        for hash in prompt.hashes.prefix(capacity) {
            if blocks[hash] == nil {
                if blocks.count == capacity { drop() }
                blocks[hash] = Block(before: before, lastUse: clock)
            }
            before = hash
        }
    }

    private mutating func drop() {
        let followed = Set(blocks.values.compactMap(\.before))
        let leaves = blocks.filter { !followed.contains($0.key) && $0.value.lastUse < clock }
        blocks[leaves.min { $0.value.lastUse < $1.value.lastUse }!.key] = nil
    }
}

@Suite struct PrefixCacheTests {
    /// A prompt that consists of these blocks of four tokens each, and of one more token.
    private func prompt(_ hashes: [UInt64]) -> BlockChain { BlockChain(tokens: 4 * hashes.count + 1, hashes: hashes) }

    private func cache(blocks: Int) -> PrefixCache { PrefixCache(tokens: 4 * blocks, blockSize: 4) }

    @Test func aPromptIsCachedOnceItsBlocksAreThere() {
        var cache = cache(blocks: 8)
        #expect(cache.lookUp(prompt([1, 2, 3])) == 0 && cache.count == 0, "a look does not fill it")
        cache.insert(prompt([1, 2, 3]))
        #expect(cache.lookUp(prompt([1, 2, 3])) == 12)
        #expect(cache.lookUp(prompt([1, 2, 9, 3])) == 8, "only what is the same from the beginning")
        #expect(cache.lookUp(prompt([9, 2, 3])) == 0)
    }

    @Test func theLastTokenIsAlwaysComputed() {
        var cache = cache(blocks: 8)
        cache.insert(BlockChain(tokens: 8, hashes: [1, 2]))
        #expect(cache.lookUp(BlockChain(tokens: 8, hashes: [1, 2])) == 4, "the second block has the last token")
        #expect(cache.lookUp(BlockChain(tokens: 9, hashes: [1, 2])) == 8)
        #expect(cache.lookUp(BlockChain(tokens: 4, hashes: [1])) == 0)
        #expect(cache.lookUp(BlockChain(tokens: 0, hashes: [])) == 0)
    }

    @Test func leavesAreDroppedFirst() {
        var cache = cache(blocks: 4)
        cache.insert(prompt([1, 2, 3]))
        cache.insert(prompt([1, 7]))
        // Blocks 2 and 3 were used least recently. Only 3 can be dropped, because no cached block follows it.
        cache.insert(prompt([8]))
        #expect(cache.count == 4 && cache.lookUp(prompt([1, 2, 3])) == 8, "3 made room, and 2 is still there")
        // The lookup has used blocks 1 and 2. Of the blocks that no block follows, 7 was used least recently.
        cache.insert(prompt([9]))
        #expect(cache.lookUp(prompt([1, 7])) == 4)
        #expect(cache.lookUp(prompt([8])) == 4 && cache.lookUp(prompt([9])) == 4)
    }

    @Test func aPromptNeverDropsItsOwnBlocks() {
        var cache = cache(blocks: 3)
        cache.insert(prompt([1, 2]))
        cache.insert(prompt([5]))
        cache.insert(prompt([1, 2, 3, 4, 6]))
        #expect(cache.count == 3)
        #expect(cache.lookUp(prompt([1, 2, 3, 4, 6])) == 12, "the first blocks of what is too large")
        #expect(cache.lookUp(prompt([5])) == 0)
    }

    @Test func aCapacityThatIsNoMultipleIsRoundedDown() {
        #expect(PrefixCache(tokens: 47, blockSize: 16).capacity == 2)
        #expect(PrefixCache(tokens: 16, blockSize: 16).capacity == 1)
    }

    /// Prompts that branch from earlier ones, as conversations do.
    private func prompts(_ count: Int, seed: UInt64) -> [BlockChain] {
        var state = seed
        func random(_ bound: Int) -> Int {
            state &+= 1
            return Int(Hash.mix(state) % UInt64(bound))
        }
        var made: [[UInt64]] = []
        for _ in 0..<count {
            var hashes = made.isEmpty ? [] : made[max(0, made.count - 1 - random(12))]
            hashes = Array(hashes.prefix(random(hashes.count + 1)))
            for _ in 0..<random(5) {
                // The hash of a block depends on all blocks before it.
                hashes.append(Hash.mix((hashes.last ?? 0) &+ UInt64(random(3)) &+ 1))
            }
            made.append(Array(hashes.prefix(14)))
        }
        return made.map { BlockChain(tokens: 4 * $0.count + random(4), hashes: $0) }
    }

    @Test(arguments: [1, 2, 3, 7, 20, 60], [UInt64(1), 2, 3]) func itEqualsTheSearch(blocks: Int, seed: UInt64) {
        var cache = cache(blocks: blocks)
        var naive = NaiveCache(tokens: 4 * blocks, blockSize: 4)
        var hits = 0
        for (number, prompt) in prompts(1500, seed: seed << 32).enumerated() {
            let found = cache.lookUp(prompt)
            hits += found
            guard found == naive.lookUp(prompt) else {
                Issue.record("prompt \(number): \(found) tokens")
                return
            }
            // Every seventh prompt is not inserted, as if its request had been cancelled during the prefill.
            if number % 7 != 0 {
                cache.insert(prompt)
                naive.insert(prompt)
            }
            guard cache.count == naive.blocks.count, cache.count <= blocks else {
                Issue.record("prompt \(number): \(cache.count) blocks, not \(naive.blocks.count)")
                return
            }
        }
        #expect(hits > 0)
    }

    @Test func theSameCallsHaveTheSameResults() {
        func run() -> [Int] {
            var cache = cache(blocks: 20)
            return prompts(500, seed: 99).map { prompt in
                let found = cache.lookUp(prompt)
                cache.insert(prompt)
                return found
            }
        }
        #expect(run() == run())
    }
}
