// The cache in which a simulated executor keeps the blocks of earlier prompts, so that it need not compute them again.

/// A cache of blocks, into which prompts are divided; it drops the least recently used blocks first.
///
/// A *leaf* is a block that no cached block follows in a prompt. A block is never dropped while a block that follows it
/// is cached. When blocks of a prompt are used, the first block of the prompt becomes the newest one, the second block
/// the second newest, and so on. So a block is always newer than all blocks that follow it, and the oldest block is
/// always a leaf.
///
/// Each call takes a time in proportion to the number of the prompt's blocks. The results do not depend on time or
/// chance: the same sequence of calls always gives the same results.
struct PrefixCache {
    /// A cached block, and its neighbours in the order from the oldest to the newest; -1 if there is none.
    private struct Node {
        var hash: UInt64
        var older: Int32 = -1
        var newer: Int32 = -1
    }

    /// How many tokens a block has, at least 1.
    let blockSize: Int
    /// How many blocks the cache can hold, at least 1.
    let capacity: Int
    /// All cached blocks, in no order; a new block takes the index of the block that was dropped for it.
    private var nodes: [Node] = []
    /// For the hash of each cached block, its index in `nodes`.
    private var indices: [UInt64: Int32] = [:]
    private var oldest: Int32 = -1
    private var newest: Int32 = -1

    /// Makes an empty cache.
    ///
    /// - Parameter tokens: the capacity, at least `blockSize`; it is rounded down to a multiple of `blockSize`.
    init(tokens: Int, blockSize: Int) {
        precondition(blockSize >= 1 && tokens >= blockSize && tokens / blockSize <= Int(Int32.max))
        self.blockSize = blockSize
        capacity = tokens / blockSize
    }

    /// How many blocks are cached.
    var count: Int { nodes.count }

    /// How many of a prompt's tokens need not be computed.
    ///
    /// Counts the leading blocks of the prompt that are cached, and marks them as used. The last token of a prompt is
    /// always computed, as vLLM does: its result is the first token of the answer. So a prompt that ends with a cached
    /// block computes this whole block again.
    mutating func lookUp(_ prompt: BlockChain) -> Int {
        let found = leading(prompt.hashes.prefix(max(0, prompt.tokens - 1) / blockSize))
        use(found)
        return found.count * blockSize
    }

    /// Adds the blocks of a prompt whose prefill has ended, and drops the oldest blocks if the cache is full.
    ///
    /// If the prompt is larger than the cache, only its first blocks are cached.
    mutating func insert(_ prompt: BlockChain) {
        let hashes = prompt.hashes.prefix(capacity)
        let found = leading(hashes)
        // The first `use` makes the blocks of this prompt that are cached already the newest ones, so that `add` does
        // not drop them. The second `use` makes them newer than the added blocks, which follow them in the prompt.
        use(found)
        for hash in hashes.dropFirst(found.count).reversed() { add(hash) }
        use(found)
    }

    /// The indices in `nodes` of the prompt's cached blocks, up to the first block that is not cached.
    ///
    /// The search can end there, because no block after it is cached.
    private func leading(_ hashes: ArraySlice<UInt64>) -> [Int32] {
        var found: [Int32] = []
        for hash in hashes {
            guard let index = indices[hash] else { break }
            found.append(index)
        }
        return found
    }

    /// Makes the first blocks of a prompt the newest ones in the cache; the very first block becomes the newest of all.
    private mutating func use(_ leading: [Int32]) {
        for index in leading.reversed() {
            unlink(index)
            append(index)
        }
    }

    /// Adds a block as the newest one, in place of the oldest one if the cache is full.
    private mutating func add(_ hash: UInt64) {
        var index = Int32(nodes.count)
        if nodes.count < capacity {
            nodes.append(Node(hash: hash))
        } else {
            index = oldest
            unlink(index)
            indices[nodes[Int(index)].hash] = nil
            nodes[Int(index)].hash = hash
        }
        indices[hash] = index
        append(index)
    }

    private mutating func append(_ index: Int32) {
        nodes[Int(index)].older = newest
        nodes[Int(index)].newer = -1
        if newest >= 0 { nodes[Int(newest)].newer = index } else { oldest = index }
        newest = index
    }

    private mutating func unlink(_ index: Int32) {
        let node = nodes[Int(index)]
        if node.older >= 0 { nodes[Int(node.older)].newer = node.newer } else { oldest = node.newer }
        if node.newer >= 0 { nodes[Int(node.newer)].older = node.older } else { newest = node.older }
    }
}
