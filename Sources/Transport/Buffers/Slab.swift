// A table that reuses the indices of removed elements. A key contains a generation number, so the key of a removed
// element does not match a later element at the same index.

/// Identifies an element of a `Slab`.
///
/// The key of a removed element matches no later element at the same index, until 2^32 elements have been removed
/// there.
public struct SlabKey: Hashable, Sendable {
    /// The index of the element in the table, from 0.
    public let index: UInt32
    /// How many elements were removed from this index before this element was inserted.
    public let generation: UInt32

    @inlinable
    public init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    /// Makes a key from the 64-bit value that `bits` has returned.
    @inlinable
    public init(bits: UInt64) { self.init(index: UInt32(truncatingIfNeeded: bits), generation: UInt32(bits >> 32)) }

    /// Index and generation packed into one word, for system calls such as epoll that carry 64 bits of user data.
    @inlinable public var bits: UInt64 { UInt64(generation) << 32 | UInt64(index) }
}

/// A table whose elements keep their index until they are removed.
///
/// A new element takes the index of a removed one.
///
/// Insertion, removal and access by key take constant time. The table never shrinks: it keeps the memory for the
/// largest number of elements that it has held at once.
///
/// Everything is public and inlinable because Swift 6.3 specializes a generic type with `package` access only within
/// its module. In other modules, each operation would look up type metadata at run time.
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
    /// The free indices; `insert` takes the last one.
    @usableFromInline var free: [UInt32] = []

    @inlinable
    public init() {}

    /// How many elements the table holds.
    @inlinable public var count: Int { slots.count - free.count }
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Puts an element at a free index, or at the end of the table if no index is free.
    @inlinable
    public mutating func insert(_ element: Element) -> SlabKey {
        if let index = free.popLast() {
            slots[Int(index)].element = element
            return SlabKey(index: index, generation: slots[Int(index)].generation)
        }
        slots.append(Slot(element: element, generation: 0))
        return SlabKey(index: UInt32(slots.count - 1), generation: 0)
    }

    /// Removes an element.
    ///
    /// - Returns: the removed element; nil if it was removed earlier.
    @inlinable @discardableResult
    public mutating func remove(_ key: SlabKey) -> Element? {
        let index = Int(key.index)
        guard index < slots.count, slots[index].generation == key.generation else { return nil }
        guard let element = slots[index].element.take() else { return nil }
        slots[index].generation &+= 1
        free.append(key.index)
        return element
    }

    /// The element with this key; nil if it was removed.
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

    /// All elements in the order of their indices, as a newly allocated array.
    @inlinable public var elements: [Element] { slots.compactMap(\.element) }
}

extension Slab: Sendable where Element: Sendable {}
extension Slab.Slot: Sendable where Element: Sendable {}
