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
    /// What is known of one executor, beside the beginnings that it holds.
    private struct Holder {
        /// The id of the executor.
        var executor: Int
        var size: CacheSize
        /// How often the engine had been lost when it held nothing last, see `Engine.losses`.
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
    /// The largest number of holders of one prompt that the pool chooses from.
    private static let holdersMax = 32
    /// After this many prompts the counts of uses are halved, so that they follow what is asked for now.
    private static let promptsAnEpoch: Float = 512
    /// A beginning is common, and no reason to prefer an executor, if more than half of at least this many prompts have
    /// it.
    private static let commonMin: Float = 32
    /// The number of holdings that an empty map makes room for; the room is doubled when it is full.
    private static let roomFirst = 1 << 10

    /// What the executors hold; each list of the table is that of an executor.
    private var table = PlacementTable()
    /// What else is known of the executors, by the indices of the table's lists.
    private var holders: [Holder] = []
    /// The indices of `holders` by the ids of executors.
    private var indices: [Int: Int] = [:]
    /// The indices of `holders` whose executors have left; the next executors that come get them.
    private var unused: [Int] = []
    /// The prompts recorded lately, halved as the uses of beginnings are.
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
    ///   - memory: asked before the map grows. If it refuses, the map forgets old beginnings for new ones. Its owner
    ///     gives `reservedBytes` back.
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

    /// Finds the executors that hold nearly as much of a prompt as the executor that holds most of it, at most 32.
    ///
    /// Beginnings that more than half of all prompts have are left out, such as a system prompt that everybody shares:
    /// every executor soon holds these, and until then they must not draw all prompts to one executor.
    ///
    /// - Parameter found: gets the executors in place of its elements, those that hold most first.
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
        // From the longest to the shortest, so that the longest is forgotten first.
        for mark in prefix.hashes.indices.reversed() {
            if table.count >= table.room, !table.holds(prefix.hashes[mark], list), !makeRoom(for: list) { continue }
            table.use(prefix.hashes[mark], bytes: PromptPrefix.distance(to: mark), by: list, in: epoch)
        }
        forget(list)
    }

    /// Records that an executor has not computed a prompt that `record` has recorded, because it has refused or failed.
    ///
    /// What other prompts have brought there stays.
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
    /// If the map is as large as it may be, the oldest beginning of the same executor is forgotten, or of the one with
    /// the most of them if this one has less than its part of the whole.
    ///
    /// - Returns: false if there is no memory for the first beginnings of all.
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
