// Timers of one loop: a heap of deadlines over a slab of entries. Confined to the loop.

/// What a timer calls.
///
/// `kind` is the number that was given when it was scheduled.
package protocol TimerTarget: AnyObject {
    func timerFired(_ kind: Int)
}

/// Names a timer that was scheduled, so that it can be cancelled.
package struct TimerID: Equatable {
    fileprivate let key: SlabKey
}

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

    /// When the earliest timer is due.
    ///
    /// May name one that was cancelled since: then a turn finds nothing to do.
    package var next: Nanoseconds? { heap.first?.due }

    package mutating func schedule(at due: Nanoseconds, target: any TimerTarget, kind: Int) -> TimerID {
        let key = entries.insert(Entry(target: target, kind: Int32(kind)))
        push(Node(due: due, key: key))
        return TimerID(key: key)
    }

    package mutating func cancel(_ id: TimerID) {
        guard entries.remove(id.key) != nil else { return }
        // Cancelled nodes stay in the heap until due; many of them are swept at once.
        if heap.count > 64, heap.count > 4 * active { sweep() }
    }

    /// The next timer that is due, removed; nil when there is none.
    mutating func popDue(_ now: Nanoseconds) -> (target: any TimerTarget, kind: Int)? {
        while let first = heap.first, first.due <= now {
            pop()
            // No entry is left of a timer that was cancelled.
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

/// A deadline that moves often and is met seldom: moving it later costs one store, and its timer catches up when due.
package struct Deadline {
    private var due: Nanoseconds = .max
    private var timer: TimerID?
    private var timerDue: Nanoseconds = .max

    package init() {}

    package var isSet: Bool { due != .max }

    package mutating func set(
        _ due: Nanoseconds,
        on loop: EventLoop,
        target: any TimerTarget,
        kind: Int
    ) {
        self.due = due
        guard due < timerDue else { return }
        if let timer { loop.timers.cancel(timer) }
        timer = loop.timers.schedule(at: due, target: target, kind: kind)
        timerDue = due
    }

    /// Forgets the deadline; a timer that still runs will find nothing due.
    package mutating func clear() { due = .max }

    /// Ends it with its timer: to be called before the target goes.
    package mutating func cancel(on loop: EventLoop) {
        if let timer { loop.timers.cancel(timer) }
        timer = nil
        timerDue = .max
        due = .max
    }

    /// To be called when the timer fires.
    ///
    /// True when the deadline has passed; else the timer follows it.
    package mutating func fired(on loop: EventLoop, target: any TimerTarget, kind: Int) -> Bool {
        timer = nil
        timerDue = .max
        guard due != .max else { return false }
        if due <= loop.now {
            due = .max
            return true
        }
        set(due, on: loop, target: target, kind: kind)
        return false
    }
}
