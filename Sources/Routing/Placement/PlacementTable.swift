// The storage of a placement map, which remembers what each executor has probably in its prefix cache: the prefixes
// of the prompts that were sent to the executor.

/// For each executor, a list of the prefixes of prompts that the executor has probably in its prefix cache.
///
/// A prefix is the part of a prompt up to a mark (a fixed number of bytes, see `PromptPrefix`), and is identified by
/// its hash. A *holding* is the entry of one prefix in the list of one executor. To find, add or remove one holding
/// takes constant time on average, even if many lists have the same prefix. The table has no clock and no lock; the
/// map that owns the table guards it by a lock.
struct PlacementTable: Sendable {
    /// The prefix of a prompt that is in the list of at least one executor.
    private struct Prefix {
        var hash: UInt64
        /// How many prompts had this prefix; older prompts count less.
        ///
        /// The number is halved at the end of each epoch, which lasts for a few hundred prompts. The stored number is
        /// that of the epoch `epoch`. The function `uses(of:in:)` applies the halvings since then.
        var uses: Float = 0
        /// The epoch in which `uses` was computed; a new epoch begins every few hundred prompts.
        var epoch: UInt32
        /// The distance in bytes from the previous mark, or from the start of the prompt, to the end of this prefix.
        ///
        /// Marks are the fixed offsets up to which prompts are hashed. Each prefix ends at a mark.
        var bytes: Int32
        /// The index of the first holding (the entry of a prefix in the list of an executor) with this prefix.
        var first: Int32 = -1
        /// The index of the next prefix in the same bucket of the hash table; -1 for none.
        ///
        /// If this element of the array is unused, the value is the index of the next unused element.
        var next: Int32 = -1
    }

    private struct Holding {
        var prefix: Int32
        var list: Int32
        /// How many prompts with this prefix were sent to the executor since the prefix was added to the
        /// executor's list.
        var prompts: Int32 = 0
        /// The neighbours of this entry in the executor's list, which is in the order of the latest use; -1 for none.
        var newer: Int32 = -1
        var older: Int32 = -1
        /// The next and the previous entry for the same prefix in the lists of other executors; -1 for none.
        var following: Int32 = -1
        var preceding: Int32 = -1
        /// The index of the next entry in the same bucket of the hash table; -1 for none.
        ///
        /// If this element of the array is unused, the value is the index of the next unused element.
        var next: Int32 = -1
    }

    private struct List {
        var newest: Int32 = -1
        var oldest: Int32 = -1
        /// The sum of the values `bytes` of all prefixes in the executor's list.
        var bytes = 0
        var count = 0
    }

    /// The bytes of memory for one prefix in the list of one executor, if no other executor's list has the same
    /// prefix.
    ///
    /// For a prefix that several lists have, each list takes fewer bytes.
    static let bytesAHolding =
        MemoryLayout<Prefix>.stride + MemoryLayout<Holding>.stride + 2 * MemoryLayout<Int32>.stride

    private var prefixes: [Prefix] = []
    private var holdings: [Holding] = []
    private var lists: [List] = []
    private var unusedPrefix: Int32 = -1
    private var unusedHolding: Int32 = -1
    /// The hash tables of `prefixes` and `holdings`: for each bucket, the index of its first element; -1 for an empty
    /// bucket.
    ///
    /// The number of buckets is a power of two, and at least `room`.
    private var prefixBuckets: [Int32] = [-1]
    private var holdingBuckets: [Int32] = [-1]

    /// The number of entries in the lists of all executors together.
    private(set) var count = 0
    /// The number of entries for which the arrays and hash tables have space; `makeRoom` increases it.
    private(set) var room = 0

    // MARK: Lists

    /// The number of lists: one for each executor, and those that no executor uses now.
    var listCount: Int { lists.count }

    /// Adds an empty list of prefixes for one more executor, and returns the index of the list.
    mutating func addList() -> Int {
        lists.append(List())
        return lists.count - 1
    }

    /// The number of prefixes of prompts in an executor's list.
    func count(in list: Int) -> Int { lists[list].count }

    /// The length of all prefixes of prompts in an executor's list together, in bytes.
    ///
    /// If one prefix contains another, the bytes that both have are counted once.
    func bytes(in list: Int) -> Int { lists[list].bytes }

    /// Removes all prefixes of prompts from an executor's list.
    mutating func clear(_ list: Int) {
        while removeOldest(of: list) {}
    }

    /// Removes the least recently used prefix from an executor's list; returns false if the list is empty.
    @discardableResult
    mutating func removeOldest(of list: Int) -> Bool {
        guard lists[list].oldest >= 0 else { return false }
        remove(lists[list].oldest)
        return true
    }

    // MARK: Prefixes

    /// The index, in `prefixes`, of the prefix of prompts that has this hash; nil if no executor's list has it.
    func prefix(_ hash: UInt64) -> Int32? {
        var found = prefixBuckets[bucket(hash)]
        while found >= 0, prefixes[Int(found)].hash != hash { found = prefixes[Int(found)].next }
        return found >= 0 ? found : nil
    }

    /// How many prompts had this prefix; the number is halved at the end of each epoch (a few hundred prompts).
    func uses(of prefix: Int32, in epoch: UInt32) -> Float {
        let entry = prefixes[Int(prefix)]
        let halvings = epoch &- entry.epoch
        return halvings == 0 ? entry.uses : halvings > 24 ? 0 : entry.uses / Float(UInt32(1) << halvings)
    }

    /// Calls `body` with the index of each executor's list that has this prefix of a prompt, until `body` returns
    /// false.
    ///
    /// The list to which the prefix was added last comes first.
    func forEachList(holding prefix: Int32, _ body: (Int) -> Bool) {
        var holding = prefixes[Int(prefix)].first
        while holding >= 0, body(Int(holdings[Int(holding)].list)) { holding = holdings[Int(holding)].following }
    }

    // MARK: Holdings

    /// Whether an executor's list has the prefix of prompts that has this hash.
    func holds(_ hash: UInt64, _ list: Int) -> Bool { find(hash, list) >= 0 }

    /// Records that a prompt with this prefix was sent to an executor.
    ///
    /// Each executor has a list of the prefixes that were sent to it, and `list` is its index. The prefix becomes
    /// the most recently used one of the list. If the list does not have it, it is added, so `count` must be below
    /// `room`.
    ///
    /// - Parameter bytes: the distance in bytes from the previous mark, or from the start of the prompt, to the end of
    ///   this prefix. Marks are the fixed offsets up to which prompts are hashed.
    mutating func use(_ hash: UInt64, bytes: Int, by list: Int, in epoch: UInt32) {
        let found = find(hash, list)
        let holding = found >= 0 ? found : insert(hash, bytes: bytes, list, epoch)
        if found >= 0 { unlink(found) }
        link(holding)
        holdings[Int(holding)].prompts += 1
        let prefix = holdings[Int(holding)].prefix
        prefixes[Int(prefix)].uses = uses(of: prefix, in: epoch) + 1
        prefixes[Int(prefix)].epoch = epoch
    }

    /// Undoes one call of `use`, because the executor has not computed the prompt.
    ///
    /// - Parameter forgetting: whether to remove the prefix from the list, unless another prompt had it as well.
    mutating func takeBack(_ hash: UInt64, by list: Int, forgetting: Bool, in epoch: UInt32) {
        let holding = find(hash, list)
        guard holding >= 0 else { return }
        let prefix = holdings[Int(holding)].prefix
        prefixes[Int(prefix)].uses = max(0, uses(of: prefix, in: epoch) - 1)
        prefixes[Int(prefix)].epoch = epoch
        holdings[Int(holding)].prompts -= 1
        if forgetting, holdings[Int(holding)].prompts <= 0 { remove(holding) }
    }

    /// Makes space for this many entries in all lists together; the space never shrinks.
    mutating func makeRoom(for count: Int) {
        guard count > room else { return }
        room = count
        holdings.reserveCapacity(count)
        prefixes.reserveCapacity(count)
        var buckets = prefixBuckets.count
        while buckets < count { buckets *= 2 }
        rehash(buckets)
    }

    // MARK: The hash tables

    private func bucket(_ hash: UInt64) -> Int { Int(truncatingIfNeeded: hash) & (prefixBuckets.count - 1) }

    private func bucket(_ hash: UInt64, _ list: Int) -> Int {
        // Several executors' lists may have the same prefix, and their entries then have the same hash. The product
        // differs in many bits between any two lists, so that these entries usually get different buckets.
        let mixed = hash ^ (UInt64(truncatingIfNeeded: list + 1) &* 0x9E37_79B9_7F4A_7C15)
        return Int(truncatingIfNeeded: mixed ^ (mixed >> 32)) & (holdingBuckets.count - 1)
    }

    private func hash(of holding: Int32) -> UInt64 { prefixes[Int(holdings[Int(holding)].prefix)].hash }

    /// The index, in `holdings`, of an executor's entry for the prefix of a prompt; -1 if there is no such entry.
    private func find(_ hash: UInt64, _ list: Int) -> Int32 {
        var found = holdingBuckets[bucket(hash, list)]
        while found >= 0 {
            if Int(holdings[Int(found)].list) == list, self.hash(of: found) == hash { return found }
            found = holdings[Int(found)].next
        }
        return -1
    }

    /// Adds the prefix of a prompt to an executor's list; the caller then calls `link`, which makes it the newest.
    private mutating func insert(_ hash: UInt64, bytes: Int, _ list: Int, _ epoch: UInt32) -> Int32 {
        precondition(count < room, "a holding without room")
        let prefix = self.prefix(hash) ?? add(Prefix(hash: hash, epoch: epoch, bytes: Int32(bytes)))
        var made = Holding(prefix: prefix, list: Int32(list))
        let first = bucket(hash, list)
        made.next = holdingBuckets[first]
        made.following = prefixes[Int(prefix)].first
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
        prefixes[Int(prefix)].first = holding
        lists[list].bytes += bytes
        lists[list].count += 1
        count += 1
        return holding
    }

    private mutating func add(_ prefix: Prefix) -> Int32 {
        let first = bucket(prefix.hash)
        var made = prefix
        made.next = prefixBuckets[first]
        let index: Int32
        if unusedPrefix >= 0 {
            index = unusedPrefix
            unusedPrefix = prefixes[Int(index)].next
            prefixes[Int(index)] = made
        } else {
            index = Int32(prefixes.count)
            prefixes.append(made)
        }
        prefixBuckets[first] = index
        return index
    }

    private mutating func remove(_ holding: Int32) {
        unlink(holding)
        let entry = holdings[Int(holding)]
        let list = Int(entry.list)
        lists[list].bytes -= Int(prefixes[Int(entry.prefix)].bytes)
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
            prefixes[Int(entry.prefix)].first = entry.following
            if entry.following < 0 { removePrefix(entry.prefix) }
        }
        holdings[Int(holding)].next = unusedHolding
        unusedHolding = holding
    }

    private mutating func removePrefix(_ prefix: Int32) {
        let entry = prefixes[Int(prefix)]
        let first = bucket(entry.hash)
        if prefixBuckets[first] == prefix {
            prefixBuckets[first] = entry.next
        } else {
            var before = prefixBuckets[first]
            while prefixes[Int(before)].next != prefix { before = prefixes[Int(before)].next }
            prefixes[Int(before)].next = entry.next
        }
        prefixes[Int(prefix)].next = unusedPrefix
        unusedPrefix = prefix
    }

    private mutating func rehash(_ buckets: Int) {
        prefixBuckets = [Int32](repeating: -1, count: buckets)
        holdingBuckets = prefixBuckets
        for list in lists.indices {
            var holding = lists[list].newest
            while holding >= 0 {
                let entry = holdings[Int(holding)]
                let first = bucket(hash(of: holding), list)
                holdings[Int(holding)].next = holdingBuckets[first]
                holdingBuckets[first] = holding
                // A prefix may be in several lists. So only the first of its entries adds it to the hash table.
                if entry.preceding < 0 {
                    let first = bucket(hash(of: holding))
                    prefixes[Int(entry.prefix)].next = prefixBuckets[first]
                    prefixBuckets[first] = entry.prefix
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
