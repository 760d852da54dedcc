// A part of the table of addresses: a fixed number of entries, of which those that hold nothing may be replaced.
internal import Transport

/// The entries of the groups whose hash belongs to this shard; a value, which `AddressTable` keeps under a lock.
///
/// An entry that holds a connection or a request stays until it holds nothing, so its counts are exact. Any other entry
/// may be replaced by the entry of a new group once the shard is full. `Dictionary` hashes with a random seed of the
/// process (SipHash), so no client can choose addresses that collide.
struct AddressShard: Sendable {
    /// The largest number of entries that one search for a free entry examines.
    private static let examinedMax = 16

    let capacity: Int
    private(set) var entries: [AddressEntry] = []
    private var indexes: [AddressGroup: Int] = [:]
    /// Where the next search for a free entry begins.
    private var hand = 0

    init(capacity: Int) { self.capacity = capacity }

    /// Calls `body` with the entry at an index that `index(of:)` has returned.
    ///
    /// If the entry has not been held since then, it may have been replaced by the entry of another group.
    mutating func with<R>(_ index: Int, _ body: (inout AddressEntry) -> R) -> R { body(&entries[index]) }

    /// The entry of a group; nil if there is none.
    func entry(of group: AddressGroup) -> AddressEntry? { indexes[group].map { entries[$0] } }

    /// Returns the index of the entry of a group; makes the entry if there is none.
    ///
    /// - Returns: nil if the shard is full and all examined entries are held.
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

    /// Finds an entry that holds nothing, and so may be replaced.
    ///
    /// The search examines at most `examinedMax` entries, and passes over those that hold something. It takes the first
    /// entry of an unknown address that was not used since an earlier search examined it. If there is none, it takes
    /// the first entry of an unknown address. If there is none either, it takes the first entry of a known address
    /// (`AddressTable.isKnown`).
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
