// The storage of a placement map: which executor holds which beginning of a prompt, found by hash and in order of use.

/// Beginnings of prompts, the lists that hold them, and for each list the order in which its beginnings were used.
///
/// A list stands for an executor. A *holding* is one beginning in one list. All operations take constant time, however
/// many lists hold a beginning. The table has no clock and no lock; the map that owns the table guards it.
struct PlacementTable: Sendable {
    /// The hash of a beginning that at least one list holds.
    private struct Beginning {
        var hash: UInt64
        /// How many prompts had this beginning, as of `epoch`.
        var uses: Float = 0
        /// The epoch in which `uses` was last brought up to date.
        var epoch: UInt32
        /// The bytes from the previous mark of the prompt to the end of this beginning, see `PromptPrefix`.
        var bytes: Int32
        /// The first of the holdings of this beginning.
        var first: Int32 = -1
        /// The next beginning in the same bucket of the hash table, or the next unused one; -1 for none.
        var next: Int32 = -1
    }

    private struct Holding {
        var beginning: Int32
        var list: Int32
        /// How many prompts with this beginning the list has got since it holds the beginning.
        var prompts: Int32 = 0
        /// The neighbours in the order in which the list's beginnings were used; -1 for none.
        var newer: Int32 = -1
        var older: Int32 = -1
        /// The neighbours in the chain of all holdings of the same beginning; -1 for none.
        var following: Int32 = -1
        var preceding: Int32 = -1
        /// The next holding in the same bucket of the hash table, or the next unused one; -1 for none.
        var next: Int32 = -1
    }

    private struct List {
        var newest: Int32 = -1
        var oldest: Int32 = -1
        /// The sum of the bytes of the list's beginnings, each counted from the previous mark of its prompt.
        var bytes = 0
        var count = 0
    }

    /// The bytes that one holding takes at most, which is the case if no other list holds its beginning.
    static let bytesAHolding =
        MemoryLayout<Beginning>.stride + MemoryLayout<Holding>.stride + 2 * MemoryLayout<Int32>.stride

    private var beginnings: [Beginning] = []
    private var holdings: [Holding] = []
    private var lists: [List] = []
    private var unusedBeginning: Int32 = -1
    private var unusedHolding: Int32 = -1
    /// The first beginning, and the first holding, of each bucket; -1 for none.
    ///
    /// The number of buckets is a power of two, and not below `room`.
    private var beginningBuckets: [Int32] = [-1]
    private var holdingBuckets: [Int32] = [-1]

    /// The number of holdings.
    private(set) var count = 0
    /// The number of holdings that there is room for; see `makeRoom`.
    private(set) var room = 0

    // MARK: Lists

    /// The number of lists.
    var listCount: Int { lists.count }

    /// Adds an empty list, and returns its index.
    mutating func addList() -> Int {
        lists.append(List())
        return lists.count - 1
    }

    /// The number of beginnings that a list holds.
    func count(in list: Int) -> Int { lists[list].count }

    /// The sum of the sizes of the beginnings that a list holds, in bytes.
    ///
    /// A beginning counts only the bytes from the previous mark of its prompt.
    func bytes(in list: Int) -> Int { lists[list].bytes }

    /// Empties a list.
    mutating func clear(_ list: Int) {
        while removeOldest(of: list) {}
    }

    /// Removes the beginning that was used least recently from a list; returns false if the list is empty.
    @discardableResult
    mutating func removeOldest(of list: Int) -> Bool {
        guard lists[list].oldest >= 0 else { return false }
        remove(lists[list].oldest)
        return true
    }

    // MARK: Beginnings

    /// The index of the beginning with this hash; nil if no list holds it.
    func beginning(_ hash: UInt64) -> Int32? {
        var found = beginningBuckets[bucket(hash)]
        while found >= 0, beginnings[Int(found)].hash != hash { found = beginnings[Int(found)].next }
        return found >= 0 ? found : nil
    }

    /// How often a beginning was used; each epoch that has passed since halves the number.
    func uses(of beginning: Int32, in epoch: UInt32) -> Float {
        let entry = beginnings[Int(beginning)]
        let halvings = epoch &- entry.epoch
        return halvings == 0 ? entry.uses : halvings > 24 ? 0 : entry.uses / Float(UInt32(1) << halvings)
    }

    /// Calls `body` with each list that holds a beginning, until `body` returns false.
    ///
    /// The list that got the beginning last comes first.
    func forEachList(holding beginning: Int32, _ body: (Int) -> Bool) {
        var holding = beginnings[Int(beginning)].first
        while holding >= 0, body(Int(holdings[Int(holding)].list)) { holding = holdings[Int(holding)].following }
    }

    // MARK: Holdings

    /// Whether a list holds the beginning with this hash.
    func holds(_ hash: UInt64, _ list: Int) -> Bool { find(hash, list) >= 0 }

    /// Records that a list uses a beginning, which becomes the latest in the list's order of use.
    ///
    /// The beginning is added if the list does not hold it. There must be room for one more holding.
    ///
    /// - Parameter bytes: the distance from the previous mark of the prompt to the end of the beginning.
    mutating func use(_ hash: UInt64, bytes: Int, by list: Int, in epoch: UInt32) {
        let found = find(hash, list)
        let holding = found >= 0 ? found : insert(hash, bytes: bytes, list, epoch)
        if found >= 0 { unlink(found) }
        link(holding)
        holdings[Int(holding)].prompts += 1
        let beginning = holdings[Int(holding)].beginning
        beginnings[Int(beginning)].uses = uses(of: beginning, in: epoch) + 1
        beginnings[Int(beginning)].epoch = epoch
    }

    /// Takes back one use of a beginning by a list.
    ///
    /// - Parameter forgetting: whether the list drops the beginning, unless another prompt has brought it there.
    mutating func takeBack(_ hash: UInt64, by list: Int, forgetting: Bool, in epoch: UInt32) {
        let holding = find(hash, list)
        guard holding >= 0 else { return }
        let beginning = holdings[Int(holding)].beginning
        beginnings[Int(beginning)].uses = max(0, uses(of: beginning, in: epoch) - 1)
        beginnings[Int(beginning)].epoch = epoch
        holdings[Int(holding)].prompts -= 1
        if forgetting, holdings[Int(holding)].prompts <= 0 { remove(holding) }
    }

    /// Makes room for this many holdings; the room never shrinks.
    mutating func makeRoom(for count: Int) {
        guard count > room else { return }
        room = count
        holdings.reserveCapacity(count)
        beginnings.reserveCapacity(count)
        var buckets = beginningBuckets.count
        while buckets < count { buckets *= 2 }
        rehash(buckets)
    }

    // MARK: The hash tables

    private func bucket(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (beginningBuckets.count - 1) }

    private func bucket(_ hash: UInt64, _ list: Int) -> Int {
        // The hash is random, so a multiple of a large odd number spreads the lists over the buckets.
        let mixed = hash ^ (UInt64(truncatingIfNeeded: list + 1) &* 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: mixed ^ (mixed >> 32)) & (holdingBuckets.count - 1)
    }

    private func hash(of holding: Int32) -> UInt64 { beginnings[Int(holdings[Int(holding)].beginning)].hash }

    /// The holding of a beginning in a list; -1 for none.
    private func find(_ hash: UInt64, _ list: Int) -> Int32 {
        var found = holdingBuckets[bucket(hash, list)]
        while found >= 0 {
            if Int(holdings[Int(found)].list) == list, self.hash(of: found) == hash { return found }
            found = holdings[Int(found)].next
        }
        return -1
    }

    /// Adds a holding that is not in the order of use yet.
    private mutating func insert(_ hash: UInt64, bytes: Int, _ list: Int, _ epoch: UInt32) -> Int32 {
        precondition(count < room, "a holding without room")
        let beginning = self.beginning(hash) ?? add(Beginning(hash: hash, epoch: epoch, bytes: Int32(bytes)))
        var made = Holding(beginning: beginning, list: Int32(list))
        let first = bucket(hash, list)
        made.next = holdingBuckets[first]
        made.following = beginnings[Int(beginning)].first
        let holding: Int32
        if unusedHolding >= 0 {
            holding = unusedHolding
            unusedHolding = holdings[Int(holding)].next
            holdings[Int(holding)] = made
        } else {
            holding = Int32(holdings.count)
            holdings.append(made)
        }
        holdingBuckets[first] = holding
        if made.following >= 0 { holdings[Int(made.following)].preceding = holding }
        beginnings[Int(beginning)].first = holding
        lists[list].bytes += bytes
        lists[list].count += 1
        count += 1
        return holding
    }

    private mutating func add(_ beginning: Beginning) -> Int32 {
        let first = bucket(beginning.hash)
        var made = beginning
        made.next = beginningBuckets[first]
        let index: Int32
        if unusedBeginning >= 0 {
            index = unusedBeginning
            unusedBeginning = beginnings[Int(index)].next
            beginnings[Int(index)] = made
        } else {
            index = Int32(beginnings.count)
            beginnings.append(made)
        }
        beginningBuckets[first] = index
        return index
    }

    private mutating func remove(_ holding: Int32) {
        unlink(holding)
        let entry = holdings[Int(holding)]
        let list = Int(entry.list)
        lists[list].bytes -= Int(beginnings[Int(entry.beginning)].bytes)
        lists[list].count -= 1
        count -= 1
        let first = bucket(hash(of: holding), list)
        if holdingBuckets[first] == holding {
            holdingBuckets[first] = entry.next
        } else {
            var before = holdingBuckets[first]
            while holdings[Int(before)].next != holding { before = holdings[Int(before)].next }
            holdings[Int(before)].next = entry.next
        }
        if entry.following >= 0 { holdings[Int(entry.following)].preceding = entry.preceding }
        if entry.preceding >= 0 {
            holdings[Int(entry.preceding)].following = entry.following
        } else {
            beginnings[Int(entry.beginning)].first = entry.following
            if entry.following < 0 { removeBeginning(entry.beginning) }
        }
        holdings[Int(holding)].next = unusedHolding
        unusedHolding = holding
    }

    private mutating func removeBeginning(_ beginning: Int32) {
        let entry = beginnings[Int(beginning)]
        let first = bucket(entry.hash)
        if beginningBuckets[first] == beginning {
            beginningBuckets[first] = entry.next
        } else {
            var before = beginningBuckets[first]
            while beginnings[Int(before)].next != beginning { before = beginnings[Int(before)].next }
            beginnings[Int(before)].next = entry.next
        }
        beginnings[Int(beginning)].next = unusedBeginning
        unusedBeginning = beginning
    }

    private mutating func rehash(_ buckets: Int) {
        beginningBuckets = [Int32](repeating: -1, count: buckets)
        holdingBuckets = beginningBuckets
        for list in lists.indices {
            var holding = lists[list].newest
            while holding >= 0 {
                let entry = holdings[Int(holding)]
                let first = bucket(hash(of: holding), list)
                holdings[Int(holding)].next = holdingBuckets[first]
                holdingBuckets[first] = holding
                // Each beginning is added once, for the first of its holdings.
                if entry.preceding < 0 {
                    let first = bucket(hash(of: holding))
                    beginnings[Int(entry.beginning)].next = beginningBuckets[first]
                    beginningBuckets[first] = entry.beginning
                }
                holding = entry.older
            }
        }
    }

    // MARK: The order of use

    private mutating func link(_ holding: Int32) {
        let list = Int(holdings[Int(holding)].list)
        let newest = lists[list].newest
        holdings[Int(holding)].newer = -1
        holdings[Int(holding)].older = newest
        if newest >= 0 { holdings[Int(newest)].newer = holding } else { lists[list].oldest = holding }
        lists[list].newest = holding
    }

    private mutating func unlink(_ holding: Int32) {
        let entry = holdings[Int(holding)]
        let list = Int(entry.list)
        if entry.newer >= 0 { holdings[Int(entry.newer)].older = entry.older } else { lists[list].newest = entry.older }
        if entry.older >= 0 { holdings[Int(entry.older)].newer = entry.newer } else { lists[list].oldest = entry.newer }
    }
}
