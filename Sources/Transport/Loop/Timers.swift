// Timers of one loop: a heap of deadlines over a slab of entries. Confined to the loop.

/// An object whose timers call it.
package protocol TimerTarget: AnyObject {
    /// A timer is due.
    ///
    /// Called on the loop's thread. `kind` is the number given to `schedule`, by which a target tells its timers apart.
    func timerFired(_ kind: Int)
}

/// Names a timer that was scheduled, so that it can be cancelled.
package struct TimerID: Equatable {
    fileprivate let key: SlabKey
}

/// All timers of a loop.
package struct Timers {
    private struct Entry {
        var target: any TimerTarget
        var kind: Int32
    }
    private struct Node {
        var due: Nanoseconds
        var key: SlabKey
    }

    private var entries = Slab<Entry>()
    private var heap: [Node] = []

    package init() {}

    /// Number of timers that are scheduled and neither fired nor cancelled.
    package var active: Int { entries.count }

    /// When the earliest timer is due; nil without timers.
    ///
    /// That timer may have been cancelled: then a turn of the loop finds nothing to do.
    package var next: Nanoseconds? { heap.first?.due }

    /// Calls `target` once, in the first turn that begins at `due` or later; holds it until then.
    package mutating func schedule(at due: Nanoseconds, target: any TimerTarget, kind: Int) -> TimerID {
        let key = entries.insert(Entry(target: target, kind: Int32(kind)))
        push(Node(due: due, key: key))
        return TimerID(key: key)
    }

    /// Cancels a timer; does nothing when it has fired or was cancelled before.
    package mutating func cancel(_ id: TimerID) {
        guard entries.remove(id.key) != nil else { return }
        // A cancelled node stays in the heap until it is due; many of them are removed at once.
        if heap.count > 64, heap.count > 4 * active { sweep() }
    }

    /// Removes the next timer that is due; nil when there is none.
    mutating func popDue(_ now: Nanoseconds) -> (target: any TimerTarget, kind: Int)? {
        while let first = heap.first, first.due <= now {
            pop()
            // A cancelled timer has no entry.
            guard let entry = entries.remove(first.key) else { continue }
            return (entry.target, Int(entry.kind))
        }
        return nil
    }

    private mutating func sweep() {
        let live = heap.filter { entries.contains($0.key) }
        heap.removeAll(keepingCapacity: true)
        for node in live { push(node) }
    }

    private mutating func push(_ node: Node) {
        heap.append(node)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].due < heap[parent].due else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() {
        let last = heap.removeLast()
        guard !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            let left = 2 * parent + 1
            if left < heap.count, heap[left].due < heap[least].due { least = left }
            if left + 1 < heap.count, heap[left + 1].due < heap[least].due { least = left + 1 }
            guard least != parent else { return }
            heap.swapAt(least, parent)
            parent = least
        }
    }
}
