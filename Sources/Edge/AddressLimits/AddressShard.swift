// One shard of the table of addresses. It has room for a fixed number of entries. When it is full, a new address can
// take the place of another one that has neither a connection nor a request.
internal import Transport

/// The entries of those addresses and networks whose hash belongs to this shard; `AddressTable` keeps it under a lock.
///
/// The addresses that share one entry are a group: one IPv4 address, an IPv6 /64, or an IPv6 /48. The entry of a group
/// stays as long as the group has a connection or a request, so the counts of connections and requests are exact. Once
/// the shard is full, any other entry may be replaced by the entry of a new group. `Dictionary` hashes with a random
/// seed of the process (SipHash), so no client can choose addresses that collide.
struct AddressShard: Sendable {
    /// How many entries of a full shard are examined, at most, to find one that a new entry may replace.
    private static let examinedMax = 16

    let capacity: Int
    private(set) var entries: [AddressEntry] = []
    private var indexes: [AddressGroup: Int] = [:]
    /// The index at which the next search for an entry to replace begins.
    private var hand = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Calls `body` with the entry at an index that `index(of:)` has returned.
    ///
    /// Since that call, the entry may have been replaced by the entry of another group of addresses. This cannot happen
    /// while the group for which `index(of:)` was called has a connection or a request.
    mutating func with<R>(_ index: Int, _ body: (inout AddressEntry) -> R) -> R { body(&entries[index]) }

    /// The entry of a group of addresses; nil if the shard has none.
    func entry(of group: AddressGroup) -> AddressEntry? { indexes[group].map { entries[$0] } }

    /// Returns the index of the entry of a group of addresses; makes the entry if there is none.
    ///
    /// - Returns: nil if the shard is full and none of the examined entries may be replaced.
    mutating func index(of group: AddressGroup, at now: Nanoseconds) -> Int? {
        if let index = indexes[group] { return index }
        if entries.count < capacity {
            entries.append(AddressEntry(group))
            indexes[group] = entries.count - 1
            return entries.count - 1
        }
        guard let free = freeIndex(at: now) else { return nil }
        indexes[entries[free].group] = nil
        entries[free] = AddressEntry(group)
        indexes[group] = free
        return free
    }

    /// Finds an entry that may be replaced, because its address or network has neither a connection nor a request.
    ///
    /// The search examines at most `examinedMax` entries. An address is known if a client there has lately had a valid
    /// key or been served (`AddressEntry.isKnown`). The first choice is the entry of an unknown address that was not
    /// used since an earlier search examined it. The second choice is the entry of any unknown address, and the last
    /// choice is the entry of a known address.
    private mutating func freeIndex(at now: Nanoseconds) -> Int? {
        var unknown: Int?
        var known: Int?
        for _ in 0..<min(Self.examinedMax, capacity) {
            let index = hand
            hand = (hand + 1) % capacity
            guard !entries[index].isHeld else { continue }
            if entries[index].isKnown(at: now) {
                known = known ?? index
                continue
            }
            if !entries[index].isRecent { return index }
            entries[index].isRecent = false
            unknown = unknown ?? index
        }
        return unknown ?? known
    }
}
