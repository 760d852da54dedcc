// Which executors are believed to hold which beginnings of prompts. A pool infers this from where it has sent prompts
// before.

/// The beginnings of prompts that a pool believes to be in the prefix caches of its executors.
///
/// An engine keeps what it has computed for a prompt. For the next prompt with the same beginning it computes only the
/// rest. For each hash of a beginning (`PromptPrefix`), the map remembers the executors to which a prompt with that
/// beginning has gone. For each executor, the map forgets the beginnings that were used least recently, as engines do,
/// and longer beginnings before the shorter ones that they contain.
///
/// The map has no clock and no lock; the lock of the pool that owns the map guards it.
struct PlacementMap: Sendable {
    /// What is known of one executor, apart from the beginnings that it holds.
    private struct Holder {
        /// The id of the executor.
        var executor: Int
        var size: CacheSize
        /// The value of `Engine.losses` when the beginnings were recorded; after a later loss, the cache is empty.
        var losses: Int
    }

    /// A beginning of a prompt that an executor is believed to hold.
    struct Match: Equatable {
        /// The id of the executor.
        var executor: Int
        /// How many bytes of the prompt the executor holds.
        var bytes: Int
    }

    /// An executor counts as a holder if it holds at least this part of the longest beginning that any executor holds.
    private static let holderPart = 0.8
    /// The largest number of holders of one prompt that the pool chooses from.
    private static let holdersMax = 32
    /// After this many prompts an epoch ends, and the counts of uses are halved, so that recent prompts count most.
    private static let promptsAnEpoch: Float = 512
    /// The number of prompts from which on a beginning can be common.
    ///
    /// A beginning is common if more than half of the recent prompts have it. It is then no reason to prefer an
    /// executor.
    private static let commonMin: Float = 32
    /// The room of a map at first: the number of holdings, each of which is one beginning at one executor.
    ///
    /// The room is doubled when it is full.
    private static let roomFirst = 1 << 10

    /// What the executors hold; the table has one list for each executor.
    private var table = PlacementTable()
    /// What else is known of the executors, by the indices of the table's lists.
    private var holders: [Holder] = []
    /// The indices of `holders` by the ids of executors.
    private var indices: [Int: Int] = [:]
    /// The indices of `holders` whose executors have left; new executors get these indices.
    private var unused: [Int] = []
    /// The number of prompts recorded lately; each epoch halves it, as it halves the uses of the beginnings.
    private var prompts: Float = 0
    private var epoch: UInt32 = 0
    /// The largest `count`; beyond it an old beginning is forgotten for each new one, see `makeRoom`.
    private let countMax: Int
    /// The believed size of an executor's cache at first, in bytes.
    private let cacheBytes: Int
    /// Where the memory of the map is counted; nil in a process without a limit.
    private let memory: (any PlacementMemory)?

    /// How many beginnings there are in all, each counted once for each executor that holds it.
    var count: Int { table.count }
    /// The bytes that `memory` has counted for the map.
    var reservedBytes: Int { table.room * PlacementTable.bytesAHolding }

    /// Makes an empty map.
    ///
    /// - Parameters:
    ///   - countMax: the largest `count`. 65,536 beginnings take at most 5 MiB of memory, and stand for 128 MiB or more
    ///     of prompts.
    ///   - cacheBytes: the believed size of an executor's cache at first.
    ///   - memory: asked before the map grows. If it refuses, the map forgets old beginnings for new ones. The owner of
    ///     the map gives `reservedBytes` back at the end.
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

    /// Forgets what an executor held, if its engine has been lost since; a restarted engine has an empty cache.
    ///
    /// - Parameter losses: how often the engine has been lost, see `Engine.losses`.
    /// - Returns: whether the executor was lost since.
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

    /// Finds at most 32 executors that hold nearly as much of a prompt as the executor that holds most of it.
    ///
    /// Beginnings that more than half of all prompts have are left out, for example a system prompt that all clients
    /// share. Every executor soon holds such a beginning, and until then it must not draw all prompts to one executor.
    ///
    /// - Parameter found: is replaced by the executors that were found; those that hold most come first.
    func findHolders(of prefix: PromptPrefix, _ found: inout [Match]) {
        found.removeAll(keepingCapacity: true)
        var least = 0
        for mark in prefix.hashes.indices.reversed() {
            let bytes = PromptPrefix.bytes(at: mark)
            if bytes < least || found.count >= Self.holdersMax { return }
            guard let beginning = table.beginning(prefix.hashes[mark]) else { continue }
            if prompts >= Self.commonMin, table.uses(of: beginning, in: epoch) * 2 > prompts { return }
            table.forEachList(holding: beginning) { list in
                let executor = holders[list].executor
                if !found.contains(where: { $0.executor == executor }) {
                    found.append(Match(executor: executor, bytes: bytes))
                }
                return found.count < Self.holdersMax
            }
            if least == 0 { least = Int(Double(bytes) * Self.holderPart) }
        }
    }

    /// How many bytes of a prompt an executor is believed to hold.
    func bytesHeld(of prefix: PromptPrefix, by executor: Int) -> Int {
        guard let index = indices[executor] else { return 0 }
        for mark in prefix.hashes.indices.reversed() where table.holds(prefix.hashes[mark], index) {
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
        if let cacheBytes { holders[list].size.said(cacheBytes) }
        // The longest beginning is recorded first, so that it is the first one to be forgotten.
        for mark in prefix.hashes.indices.reversed() {
            if table.count >= table.room, !table.holds(prefix.hashes[mark], list), !makeRoom(for: list) { continue }
            table.use(prefix.hashes[mark], bytes: PromptPrefix.distance(to: mark), by: list, in: epoch)
        }
        forget(list)
    }

    /// Records that an executor has not computed a prompt that `record` has recorded, because it has refused or failed.
    ///
    /// Beginnings that other prompts have brought to the executor stay.
    ///
    /// - Parameter believedBytes: how many bytes of the prompt the executor held before.
    mutating func takeBack(_ prefix: PromptPrefix, at executor: Int, believedBytes: Int) {
        guard let list = indices[executor], !prefix.hashes.isEmpty else { return }
        prompts = max(0, prompts - 1)
        for mark in prefix.hashes.indices.reversed() {
            let isNew = PromptPrefix.bytes(at: mark) > believedBytes
            table.takeBack(prefix.hashes[mark], by: list, forgetting: isNew, in: epoch)
        }
    }

    /// Learns from an answer how much an executor holds, see `CacheSize.learn`.
    mutating func learn(_ answer: CacheSize.Answer, of executor: Int) {
        guard let index = indices[executor] else { return }
        holders[index].size.learn(answer, held: table.bytes(in: index))
        forget(index)
    }

    /// How many bytes of prompts the cache of an executor is believed to have room for; nil for an executor that no
    /// prompt has gone to.
    func capacity(of executor: Int) -> Int? { indices[executor].map { holders[$0].size.bytes } }

    /// Forgets what exceeds the size of an executor's cache.
    private mutating func forget(_ index: Int) {
        while table.bytes(in: index) > holders[index].size.bytes, table.removeOldest(of: index) {}
    }

    /// Makes room for one more beginning at an executor.
    ///
    /// If the map cannot grow, it forgets an old beginning. That is the oldest one of the same executor if this
    /// executor has at least an equal part of the map, otherwise the oldest one of the executor with the most
    /// beginnings.
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

/// Counts the memory of a pool's placement map.
package protocol PlacementMemory: AnyObject, Sendable {
    /// Counts `bytes` more; returns false, and counts nothing, if so many are not free.
    func reservePlacement(_ bytes: Int) -> Bool
    /// Gives back bytes that `reservePlacement` has counted.
    func release(_ bytes: Int)
}
