// A table whose slots are used again, with keys that tell an element from an earlier one in the same slot.

/// Names an element of a `Slab`.
///
/// The key of a removed element does not name the next one in its slot, until 2^32 elements have used the slot.
public struct SlabKey: Hashable, Sendable {
    /// The slot, from 0.
    public let index: UInt32
    /// The number of elements that were removed from this slot before.
    public let generation: UInt32

    @inlinable
    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    /// The key that was packed into one word by `bits`.
    @inlinable
    public init(bits: UInt64) { self.init(index: UInt32(truncatingIfNeeded: bits), generation: UInt32(bits >> 32)) }

    /// Both numbers in one word, for system interfaces that carry 64 bits of the caller's.
    @inlinable public var bits: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}

/// Elements in numbered slots; the slot of a removed element is used again.
///
/// Each operation takes constant time. The table never shrinks: it has as many slots as it ever had elements at once.
/// Everything is inlinable and public: Swift 6.3 does not specialize a generic type of access `package` in other
/// modules, and each operation would look up its metadata.
public struct Slab<Element> {
    @usableFromInline
    struct Slot {
        @usableFromInline var element: Element?
        @usableFromInline var generation: UInt32

        @inlinable
        init(element: Element?, generation: UInt32) {
            self.element = element
            self.generation = generation
        }
    }

    @usableFromInline var slots: [Slot] = []
    /// Indices of the slots without an element; the last one is taken first.
    @usableFromInline var free: [UInt32] = []

    @inlinable
    public init() {}

    /// Number of elements.
    @inlinable public var count: Int { slots.count - free.count }
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Puts an element into a free slot, or into a new one if no slot is free.
    @inlinable
    public mutating func insert(_ element: Element) -> SlabKey {
        if let index = free.popLast() {
            slots[Int(index)].element = element
            return SlabKey(index: index, generation: slots[Int(index)].generation)
        }
        slots.append(Slot(element: element, generation: 0))
        return SlabKey(index: UInt32(slots.count - 1), generation: 0)
    }

    /// Takes an element out.
    ///
    /// - Returns: the element; nil when it was removed before.
    @inlinable @discardableResult
    public mutating func remove(_ key: SlabKey) -> Element? {
        let index = Int(key.index)
        guard index < slots.count, slots[index].generation == key.generation else { return nil }
        guard let element = slots[index].element.take() else { return nil }
        slots[index].generation &+= 1
        free.append(key.index)
        return element
    }

    /// The element with this key; nil when it was removed.
    @inlinable public subscript(key: SlabKey) -> Element? {
        let index = Int(key.index)
        guard index < slots.count, slots[index].generation == key.generation else { return nil }
        return slots[index].element
    }

    /// Whether the element with this key has not been removed.
    @inlinable
    public func contains(_ key: SlabKey) -> Bool {
        let index = Int(key.index)
        return index < slots.count && slots[index].generation == key.generation && slots[index].element != nil
    }

    /// All elements in the order of their slots, as a new array, which costs an allocation.
    @inlinable public var elements: [Element] { slots.compactMap(\.element) }
}

extension Slab: Sendable where Element: Sendable {}
extension Slab.Slot: Sendable where Element: Sendable {}
