// Which executors hold which beginnings of prompts, as far as their pool can know: by where it has sent prompts before.

/// The beginnings of prompts that a pool believes to be in the prefix caches of its executors.
///
/// An engine keeps what it has computed for a prompt, and computes for the next prompt that begins alike only what
/// follows. The map remembers for each hash of a beginning (`PromptPrefix`) the executors that a prompt with that
/// beginning has gone to. For each executor it forgets the beginnings that were used least recently, as engines do, and
/// longer beginnings before the shorter ones that they contain.
///
/// A value without a clock: the pool that owns it guards it by its lock.
struct PlacementMap: Sendable {
    /// One beginning at one executor.
    private struct Node {
        var hash: UInt64
        /// The index in `lists`.
        var list: Int32
        /// The distance in bytes from the mark before.
        var bytes: Int32
        /// The neighbours in the list of the executor; -1 for none.
        var newer: Int32 = -1
        var older: Int32 = -1
        /// The next node in the same bucket, or in the list of free nodes; -1 for none.
        var next: Int32 = -1
        /// How many prompts had this beginning and went to this executor, as of `epoch`.
        var uses: Float = 0
        /// The epoch in which `uses` was last brought up to date.
        var epoch: UInt32 = 0
    }

    /// The beginnings at one executor, from the one used last to the one used least recently.
    private struct List {
        var executor: Int
        var newest: Int32 = -1
        var oldest: Int32 = -1
        /// The sum of `Node.bytes`.
        var bytes = 0
        /// The number of nodes, also of one that is not linked yet.
        var count = 0
        var size: CacheSize
        /// How often the engine had been lost when the list began, see `Engine.losses`.
        var losses: Int
    }

    /// A beginning of a prompt that an executor is believed to hold.
    struct Match: Equatable {
        /// The id of the executor.
        var executor: Int
        /// How many bytes of the prompt the executor holds.
        var bytes: Int
    }

    /// An executor counts as a holder if it holds this part of the longest beginning that any executor holds.
    private static let holderPart = 0.8
    /// After this many prompts the counts of uses are halved, so that they follow what is asked for now.
    private static let promptsAnEpoch: Float = 512
    /// A beginning is common, and no reason to prefer an executor, if more than half of at least this many prompts have
    /// it.
    private static let commonMin: Float = 32

    private var nodes: [Node] = []
    private var freeNode: Int32 = -1
    /// The first node of each bucket; -1 for none.
    ///
    /// The number of buckets is a power of two.
    private var buckets: [Int32] = [-1]
    private var lists: [List] = []
    /// The indices of `lists` by the ids of executors.
    private var indices: [Int: Int] = [:]
    /// The indices of `lists` whose executors have left; the next executors that come get them.
    private var unusedLists: [Int] = []
    /// The prompts recorded lately, halved as `Node.uses` is.
    private var prompts: Float = 0
    private var epoch: UInt32 = 0
    /// The largest number of nodes; beyond it an old beginning is forgotten for each new one, see `makeRoom`.
    private let nodesMax: Int
    /// The believed size of an executor's cache at first, in bytes.
    private let cacheBytes: Int

    /// How many beginnings there are in all, each counted once for each executor that holds it.
    private(set) var count = 0

    /// Makes an empty map.
    ///
    /// - Parameters:
    ///   - countMax: the largest `count`. 65,536 beginnings take at most 5 MiB of memory, and stand for 128 MiB or more
    ///     of prompts.
    ///   - cacheBytes: the believed size of an executor's cache at first.
    init(countMax: Int = 65_536, cacheBytes: Int = CacheSize.first) {
        nodesMax = countMax
        self.cacheBytes = cacheBytes
    }

    // MARK: Executors

    /// Forgets all executors except those with these ids.
    mutating func keep(_ ids: Set<Int>) {
        for (executor, index) in indices where !ids.contains(executor) {
            clear(index)
            indices[executor] = nil
            unusedLists.append(index)
        }
    }

    /// Forgets what an executor held, if its engine has been lost since; a restarted engine has an empty cache.
    ///
    /// - Parameter losses: how often the engine has been lost, see `Engine.losses`.
    /// - Returns: whether the executor was lost since.
    @discardableResult
    mutating func refresh(_ executor: Int, losses: Int) -> Bool {
        guard let index = indices[executor], lists[index].losses != losses else { return false }
        clear(index)
        lists[index].losses = losses
        return true
    }

    private mutating func clear(_ index: Int) {
        while lists[index].oldest >= 0 { remove(lists[index].oldest) }
    }

    private mutating func index(of executor: Int, losses: Int) -> Int {
        if let index = indices[executor] { return index }
        let list = List(executor: executor, size: CacheSize(bytes: cacheBytes), losses: losses)
        let index = unusedLists.popLast() ?? lists.count
        if index < lists.count { lists[index] = list } else { lists.append(list) }
        indices[executor] = index
        return index
    }

    // MARK: Asking

    /// The executors that hold nearly as much of a prompt as the executor that holds most of it.
    ///
    /// Beginnings that more than half of all prompts have are left out, such as a system prompt that everybody shares:
    /// every executor soon holds these, and until then they must not draw all prompts to one executor.
    func holders(of prefix: PromptPrefix) -> [Match] {
        var found: [Match] = []
        var least = 0
        for mark in prefix.hashes.indices.reversed() {
            let bytes = PromptPrefix.bytes(at: mark)
            if bytes < least { break }
            var uses: Float = 0
            let before = found.count
            var node = buckets[bucket(prefix.hashes[mark])]
            while node >= 0 {
                let entry = nodes[Int(node)]
                node = entry.next
                guard entry.hash == prefix.hashes[mark] else { continue }
                uses += presentUses(entry)
                let executor = lists[Int(entry.list)].executor
                if !found.contains(where: { $0.executor == executor }) {
                    found.append(Match(executor: executor, bytes: bytes))
                }
            }
            if prompts >= Self.commonMin, uses * 2 > prompts {
                found.removeSubrange(before...)
                break
            }
            if least == 0, !found.isEmpty { least = Int(Double(bytes) * Self.holderPart) }
        }
        return found
    }

    /// How many bytes of a prompt an executor is believed to hold.
    func bytesHeld(of prefix: PromptPrefix, by executor: Int) -> Int {
        guard let index = indices[executor] else { return 0 }
        for mark in prefix.hashes.indices.reversed() where find(prefix.hashes[mark], index) >= 0 {
            return PromptPrefix.bytes(at: mark)
        }
        return 0
    }

    // MARK: Recording

    /// Records that a prompt goes to an executor, which will hold all of it.
    ///
    /// - Parameters:
    ///   - losses: how often the executor's engine has been lost, see `Engine.losses`.
    ///   - cacheBytes: the size of its cache as the engine says it; nil if it does not.
    mutating func record(_ prefix: PromptPrefix, at executor: Int, losses: Int, cacheBytes: Int? = nil) {
        guard !prefix.hashes.isEmpty else { return }
        if prompts >= Self.promptsAnEpoch {
            prompts /= 2
            epoch &+= 1
        }
        prompts += 1
        let list = index(of: executor, losses: losses)
        if let cacheBytes { lists[list].size.said(cacheBytes) }
        // From the longest to the shortest, so that the longest is forgotten first.
        for mark in prefix.hashes.indices.reversed() {
            let found = find(prefix.hashes[mark], list)
            let node = found >= 0 ? found : insert(prefix.hashes[mark], mark, list)
            if found >= 0 { unlink(node) }
            link(node)
            nodes[Int(node)].uses = presentUses(nodes[Int(node)]) + 1
            nodes[Int(node)].epoch = epoch
        }
        forget(list)
    }

    /// Learns from an answer how much an executor holds, see `CacheSize.learn`.
    mutating func learn(_ answer: CacheSize.Answer, of executor: Int) {
        guard let index = indices[executor] else { return }
        lists[index].size.learn(answer, held: lists[index].bytes)
        forget(index)
    }

    /// How many bytes of prompts the cache of an executor is believed to have room for; nil for an executor that no
    /// prompt has gone to.
    func capacity(of executor: Int) -> Int? { indices[executor].map { lists[$0].size.bytes } }

    /// Forgets what exceeds the size of an executor's cache.
    private mutating func forget(_ index: Int) {
        while lists[index].bytes > lists[index].size.bytes, lists[index].oldest >= 0 { remove(lists[index].oldest) }
    }

    /// How often a beginning was used, as its part of the present `prompts`.
    private func presentUses(_ node: Node) -> Float {
        let halvings = epoch &- node.epoch
        return halvings == 0 ? node.uses : halvings > 24 ? 0 : node.uses / Float(UInt32(1) << halvings)
    }

    // MARK: The table

    private func bucket(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (buckets.count - 1) }

    /// The node of a beginning at an executor; -1 for none.
    private func find(_ hash: UInt64, _ list: Int) -> Int32 {
        var node = buckets[bucket(hash)]
        while node >= 0, nodes[Int(node)].hash != hash || Int(nodes[Int(node)].list) != list {
            node = nodes[Int(node)].next
        }
        return node
    }

    /// Forgets the oldest beginning of the same executor, or of the one with the most of them if this one has less than
    /// its part of the whole.
    private mutating func makeRoom(for list: Int) {
        var largest = list
        if lists[list].count < nodesMax / max(indices.count, 1) {
            for other in lists.indices where lists[other].count > lists[largest].count { largest = other }
        }
        if lists[largest].oldest >= 0 { remove(lists[largest].oldest) }
    }

    /// Makes a node that is in no executor's list yet.
    private mutating func insert(_ hash: UInt64, _ mark: Int, _ list: Int) -> Int32 {
        if count >= nodesMax { makeRoom(for: list) }
        if count >= buckets.count { rehash() }
        let bytes = mark == 0 ? PromptPrefix.step : PromptPrefix.bytes(at: mark) - PromptPrefix.bytes(at: mark - 1)
        var made = Node(hash: hash, list: Int32(list), bytes: Int32(bytes), epoch: epoch)
        let first = bucket(hash)
        made.next = buckets[first]
        let node: Int32
        if freeNode >= 0 {
            node = freeNode
            freeNode = nodes[Int(node)].next
            nodes[Int(node)] = made
        } else {
            node = Int32(nodes.count)
            nodes.append(made)
        }
        buckets[first] = node
        lists[list].bytes += bytes
        lists[list].count += 1
        count += 1
        return node
    }

    private mutating func remove(_ node: Int32) {
        unlink(node)
        let entry = nodes[Int(node)]
        lists[Int(entry.list)].bytes -= Int(entry.bytes)
        lists[Int(entry.list)].count -= 1
        let first = bucket(entry.hash)
        if buckets[first] == node {
            buckets[first] = entry.next
        } else {
            var before = buckets[first]
            while nodes[Int(before)].next != node { before = nodes[Int(before)].next }
            nodes[Int(before)].next = entry.next
        }
        nodes[Int(node)].next = freeNode
        freeNode = node
        count -= 1
    }

    private mutating func rehash() {
        buckets = [Int32](repeating: -1, count: buckets.count * 2)
        for list in lists {
            var node = list.newest
            while node >= 0 {
                let first = bucket(nodes[Int(node)].hash)
                nodes[Int(node)].next = buckets[first]
                buckets[first] = node
                node = nodes[Int(node)].older
            }
        }
    }

    /// Puts a node first in the list of its executor.
    private mutating func link(_ node: Int32) {
        let list = Int(nodes[Int(node)].list)
        let newest = lists[list].newest
        nodes[Int(node)].newer = -1
        nodes[Int(node)].older = newest
        if newest >= 0 { nodes[Int(newest)].newer = node } else { lists[list].oldest = node }
        lists[list].newest = node
    }

    /// Takes a node out of the list of its executor.
    private mutating func unlink(_ node: Int32) {
        let entry = nodes[Int(node)]
        let list = Int(entry.list)
        if entry.newer >= 0 { nodes[Int(entry.newer)].older = entry.older } else { lists[list].newest = entry.older }
        if entry.older >= 0 { nodes[Int(entry.older)].newer = entry.newer } else { lists[list].oldest = entry.newer }
    }
}
