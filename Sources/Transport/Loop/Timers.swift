// The timers of one loop: a heap of due times, and a table of the objects to call. Confined to the loop's thread.

/// An object that a timer calls when the timer is due.
package protocol TimerTarget: AnyObject {
    /// Called on the loop's thread when a timer is due.
    ///
    /// - Parameter kind: the number that was passed to `schedule`, by which a target can tell its timers apart.
    func timerFired(_ kind: Int)
}

/// Identifies a scheduled timer, so that it can be cancelled.
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

    /// How many timers are scheduled, and have neither fired nor been cancelled.
    package var active: Int { entries.count }

    /// The time of the earliest timer in the heap; nil if the heap is empty.
    ///
    /// That timer may have been cancelled. The loop then wakes up without firing a timer.
    package var next: Nanoseconds? { heap.first?.due }

    /// Schedules one call of `target`, in the first turn that begins at or after `due`.
    ///
    /// The timers retain `target` until that call, or until the timer is cancelled.
    package mutating func schedule(at due: Nanoseconds, target: any TimerTarget, kind: Int) -> TimerID {
        let key = entries.insert(Entry(target: target, kind: Int32(kind)))
        push(Node(due: due, key: key))
        return TimerID(key: key)
    }

    /// Cancels a timer; does nothing if it has fired or was cancelled before.
    package mutating func cancel(_ id: TimerID) {
        guard entries.remove(id.key) != nil else { return }
        // The node of a cancelled timer stays in the heap until it is due, unless there are so many of these nodes that
        // `sweep` removes them.
        if heap.count > 64, heap.count > 4 * active { sweep() }
    }

    /// Removes the earliest timer if it is due, and returns its target and kind; nil if no timer is due.
    mutating func popDue(_ now: Nanoseconds) -> (target: any TimerTarget, kind: Int)? {
        while let first = heap.first, first.due <= now {
            pop()
            // The node of a cancelled timer is skipped: its element was removed from `entries`.
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
