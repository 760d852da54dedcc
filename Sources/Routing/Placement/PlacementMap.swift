// Which executors are believed to have which prefixes of prompts in their caches. A pool infers this from the
// executors to which it has sent earlier prompts.

/// The prefixes (beginnings) of prompts that a pool believes to be in the prefix caches of its executors.
///
/// An engine keeps what it has computed for a prompt. For the next prompt with the same prefix it computes only the
/// rest. For each hash of a prefix (`PromptPrefix`), the map remembers the executors to which a prompt with that
/// prefix has gone. For each executor, the map forgets the prefixes that were used least recently, as engines do,
/// and longer prefixes before the shorter ones that they contain.
///
/// The map has no clock and no lock; the lock of the pool that owns the map guards it.
struct PlacementMap: Sendable {
    /// The facts about one executor, apart from the prefixes of prompts in its cache.
    private struct Holder {
        /// The id of the executor.
        var executor: Int
        var size: CacheSize
        /// How often the executor's engine had been ejected (`Engine.losses`) when the map last began to record prompts
        /// for the executor.
        ///
        /// If the engine has been ejected since, it may have been restarted. Its cache then counts as empty.
        var losses: Int
    }

    /// An executor that is believed to have the prefix of a prompt in its cache.
    struct Match: Equatable {
        /// The id of the executor.
        var executor: Int
        /// How many bytes of the prompt the executor is believed to have in its cache.
        var bytes: Int
    }

    /// How much of a prompt an executor must have in its cache to be as good as the executor that has most of it.
    ///
    /// The value is a fraction of what that executor has. For example, if it has 100 kB of the prompt in its cache, an
    /// executor with 80 kB is as good.
    private static let holderPart = 0.8
    /// The largest number of executors that `findHolders` finds for one prompt.
    private static let holdersMax = 32
    /// An epoch ends when the count of recent prompts reaches this number.
    ///
    /// The map then halves this count, and the counts of how often each prefix of a prompt was used. So recent
    /// prompts count most.
    private static let promptsAnEpoch: Float = 512
    /// How many recent prompts there must be before a prefix of a prompt can count as common.
    ///
    /// A prefix is common if more than half of the recent prompts have it. It is then no reason to prefer an
    /// executor, because every executor soon has it in its cache.
    private static let commonMin: Float = 32
    /// The first size of the map's table, in pairs of a prompt's prefix and an executor that has it in its cache.
    ///
    /// The size is doubled when the table is full.
    private static let roomFirst = 1 << 10

    /// The prefixes of prompts in the cache of each executor; the table has one list for each executor.
    private var table = PlacementTable()
    /// The facts about each executor, apart from the prefixes of prompts in its cache.
    ///
    /// The index of an executor in this array is also the index of its list in `table`.
    private var holders: [Holder] = []
    /// The indices of `holders` by the ids of executors.
    private var indices: [Int: Int] = [:]
    /// The indices of `holders` whose executors have left the pool; new executors get these indices.
    private var unused: [Int] = []
    /// The number of recent prompts.
    ///
    /// Each recorded prompt adds 1. When the number has reached `promptsAnEpoch`, the map halves it, and also the
    /// counts of how often each prefix of a prompt was used, so that recent prompts count most.
    private var prompts: Float = 0
    private var epoch: UInt32 = 0
    /// The largest number of pairs of a prompt's prefix and an executor that has it in its cache.
    ///
    /// When it is reached, the map forgets an old pair for each new one, see `makeRoom`.
    private let countMax: Int
    /// The size of an executor's cache, in bytes of prompts, that the map assumes before it has learnt more.
    private let cacheBytes: Int
    /// The memory account from which the map reserves its bytes; nil if the process has no memory limit.
    private let memory: (any PlacementMemory)?

    /// The number of pairs of a prompt's prefix and an executor that has it in its cache.
    var count: Int { table.count }
    /// How many bytes the map has reserved from `memory`.
    var reservedBytes: Int { table.room * PlacementTable.bytesAHolding }

    /// Makes an empty map.
    ///
    /// - Parameters:
    ///   - countMax: the largest number of pairs of a prompt's prefix and an executor. A map of 65,536 pairs takes
    ///     at most 5 MiB of memory, and describes prompts of 128 MiB or more.
    ///   - cacheBytes: the believed size of an executor's cache at first.
    ///   - memory: the account from which the map reserves memory before it grows. If there is no memory, the map
    ///     forgets old prefixes for new ones. The owner of the map gives `reservedBytes` back to the
    ///     account before it drops the map.
    init(countMax: Int = 65_536, cacheBytes: Int = CacheSize.first, memory: (any PlacementMemory)? = nil) {
        self.countMax = countMax
        self.cacheBytes = cacheBytes
        self.memory = memory
    }

    // MARK: Executors

    /// Forgets all executors except those with these ids.
    mutating func keep(_ ids: Set<Int>) {
        for (executor, index) in indices where !ids.contains(executor) {
            table.clear(index)
            indices[executor] = nil
            unused.append(index)
        }
    }

    /// Forgets the prefixes of prompts that are recorded for an executor if its engine has been ejected since.
    ///
    /// An ejected engine may have been restarted, and then has an empty cache.
    ///
    /// - Parameter losses: how often the engine has been ejected (`Engine.losses`).
    /// - Returns: whether the prefixes were forgotten.
    @discardableResult
    mutating func refresh(_ executor: Int, losses: Int) -> Bool {
        guard let index = indices[executor], holders[index].losses != losses else { return false }
        table.clear(index)
        holders[index].losses = losses
        return true
    }

    private mutating func index(of executor: Int, losses: Int) -> Int {
        if let index = indices[executor] { return index }
        let holder = Holder(executor: executor, size: CacheSize(bytes: cacheBytes), losses: losses)
        let index: Int
        if let last = unused.popLast() {
            index = last
            holders[index] = holder
        } else {
            index = table.addList()
            holders.append(holder)
        }
        indices[executor] = index
        return index
    }

    // MARK: Asking

    /// Finds the executors, at most 32, that have nearly as much of a prompt in their caches as the executor that has
    /// most of it.
    ///
    /// Prefixes that more than half of the recent prompts have are left out, for example a system prompt that all
    /// clients share. Every executor soon has such a prefix in its cache. Until then, the prefix must not draw
    /// all prompts to one executor.
    ///
    /// - Parameter found: is replaced by the executors that were found, in descending order of the bytes in their
    ///   caches.
    func findHolders(of prefix: PromptPrefix, _ found: inout [Match]) {
        found.removeAll(keepingCapacity: true)
        var least = 0
        for mark in prefix.hashes.indices.reversed() {
            let bytes = PromptPrefix.bytes(at: mark)
            if bytes < least || found.count >= Self.holdersMax { return }
            guard let entry = table.prefix(prefix.hashes[mark]) else { continue }
            if prompts >= Self.commonMin, table.uses(of: entry, in: epoch) * 2 > prompts { return }
            table.forEachList(holding: entry) { list in
                let executor = holders[list].executor
                if !found.contains(where: { $0.executor == executor }) {
                    found.append(Match(executor: executor, bytes: bytes))
                }
                return found.count < Self.holdersMax
            }
            if least == 0 { least = Int(Double(bytes) * Self.holderPart) }
        }
    }

    /// How many bytes of a prompt an executor is believed to have in its cache.
    func bytesHeld(of prefix: PromptPrefix, by executor: Int) -> Int {
        guard let index = indices[executor] else { return 0 }
        for mark in prefix.hashes.indices.reversed() where table.holds(prefix.hashes[mark], index) {
            return PromptPrefix.bytes(at: mark)
        }
        return 0
    }

    // MARK: Recording

    /// Records that a prompt goes to an executor, whose cache will have all of the prompt.
    ///
    /// - Parameters:
    ///   - losses: how often the executor's engine has been ejected (`Engine.losses`).
    ///   - cacheBytes: the size of the executor's cache, as its engine reports it; nil if the engine does not report
    ///     it.
    mutating func record(_ prefix: PromptPrefix, at executor: Int, losses: Int, cacheBytes: Int? = nil) {
        guard !prefix.hashes.isEmpty else { return }
        if prompts >= Self.promptsAnEpoch {
            prompts /= 2
            epoch &+= 1
        }
        prompts += 1
        let list = index(of: executor, losses: losses)
        if let cacheBytes { holders[list].size.said(cacheBytes) }
        // The longest prefix of the prompt is recorded first. So it is the least recently used of the prompt's
        // prefixes, and is forgotten before the others.
        for mark in prefix.hashes.indices.reversed() {
            if table.count >= table.room, !table.holds(prefix.hashes[mark], list), !makeRoom(for: list) { continue }
            table.use(prefix.hashes[mark], bytes: PromptPrefix.distance(to: mark), by: list, in: epoch)
        }
        forget(list)
    }

    /// Undoes `record` for a prompt that the executor has not computed, because it has refused the request or failed.
    ///
    /// Prefixes of the prompt that the executor has in its cache because of other prompts stay recorded.
    ///
    /// - Parameter believedBytes: how many bytes of the prompt the executor was believed to have in its cache before
    ///   `record`.
    mutating func takeBack(_ prefix: PromptPrefix, at executor: Int, believedBytes: Int) {
        guard let list = indices[executor], !prefix.hashes.isEmpty else { return }
        prompts = max(0, prompts - 1)
        for mark in prefix.hashes.indices.reversed() {
            let isNew = PromptPrefix.bytes(at: mark) > believedBytes
            table.takeBack(prefix.hashes[mark], by: list, forgetting: isNew, in: epoch)
        }
    }

    /// Learns from an answer of an executor how large its cache is, see `CacheSize.learn`.
    mutating func learn(_ answer: CacheSize.Answer, of executor: Int) {
        guard let index = indices[executor] else { return }
        holders[index].size.learn(answer, held: table.bytes(in: index))
        forget(index)
    }

    /// The believed size of an executor's cache, in bytes of prompts; nil for an executor to which no prompt has been
    /// sent.
    func capacity(of executor: Int) -> Int? { indices[executor].map { holders[$0].size.bytes } }

    /// Forgets prefixes of prompts that an executor was believed to have in its cache, the oldest first, until the
    /// others fit into the believed size of the cache.
    private mutating func forget(_ index: Int) {
        while table.bytes(in: index) > holders[index].size.bytes, table.removeOldest(of: index) {}
    }

    /// Makes room in the table for one more prefix of a prompt at an executor.
    ///
    /// If the table cannot grow, the map forgets one prefix. If this executor already uses its equal share of the
    /// table, which is the size of the table divided by the number of executors, its own oldest prefix is forgotten.
    /// Otherwise it is the oldest prefix of the executor with the most prefixes.
    ///
    /// - Returns: false if the map is empty and gets no memory.
    private mutating func makeRoom(for list: Int) -> Bool {
        let room = min(countMax, max(Self.roomFirst, table.room * 2))
        let more = (room - table.room) * PlacementTable.bytesAHolding
        if more > 0, memory?.reservePlacement(more) ?? true {
            table.makeRoom(for: room)
            return true
        }
        var largest = list
        if table.count(in: list) < table.room / max(indices.count, 1) {
            for other in holders.indices where table.count(in: other) > table.count(in: largest) { largest = other }
        }
        return table.removeOldest(of: largest)
    }
}

/// The memory account from which the placement map of a pool reserves its bytes.
package protocol PlacementMemory: AnyObject, Sendable {
    /// Reserves `bytes` more; returns false, and reserves nothing, if so much memory is not free.
    func reservePlacement(_ bytes: Int) -> Bool
    /// Gives back bytes that were reserved by `reservePlacement`.
    func release(_ bytes: Int)
}
