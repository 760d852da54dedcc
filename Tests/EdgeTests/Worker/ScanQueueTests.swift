// The queue of request bodies to be scanned: each caller (an API key or an address) gets an equal share of the bytes.
import Testing

@testable import Edge

private let mebibyte = 1 << 20

/// Holds a `ScanQueue`, because `#expect` cannot call a mutating function.
private final class Queue {
    private var queue = ScanQueue<String>()
    var count: Int { queue.count }
    func push(_ job: String, bytes: Int, of caller: String) { queue.push(job, bytes: bytes, of: caller) }
    func pop() -> (job: String, caller: String)? { queue.pop() }
    func charge(_ bytes: Int, to caller: String) { queue.charge(bytes, to: caller) }
    /// Removes all jobs, and returns them in the order in which they are served.
    func drain() -> [String] {
        var order: [String] = []
        while let next = queue.pop() { order.append(next.job) }
        return order
    }
}

@Suite struct ScanQueueTests {

    @Test func theJobsOfOneCallerAreServedInOrder() {
        let queue = Queue()
        for (index, size) in [5, 1, 9, 2].enumerated() { queue.push("\(index)", bytes: size * mebibyte, of: "a") }
        #expect(queue.count == 4)
        #expect(queue.drain() == ["0", "1", "2", "3"])
        #expect(queue.count == 0 && queue.pop() == nil)
    }

    /// If one caller has many large bodies waiting, the small body of another caller waits only for the job under way.
    @Test func manyLargeBodiesDoNotDelayASmallOneOfAnother() {
        let queue = Queue()
        for index in 0..<50 { queue.push("large \(index)", bytes: 64 * mebibyte, of: "heavy") }
        #expect(queue.pop()?.job == "large 0")
        queue.push("small", bytes: 2 * mebibyte, of: "light")
        #expect(queue.pop()?.job == "small")
        #expect(queue.pop()?.job == "large 1")
    }

    @Test func equalCallersTakeTurns() {
        let queue = Queue()
        for index in 0..<3 { queue.push("a\(index)", bytes: mebibyte, of: "a") }
        for index in 0..<3 { queue.push("b\(index)", bytes: mebibyte, of: "b") }
        #expect(queue.drain() == ["a0", "b0", "a1", "b1", "a2", "b2"])
    }

    /// A body of 64 MiB waits for at most 64 MiB of other callers' bodies, however many smaller bodies arrive.
    @Test func aLargeBodyIsNotPutOffForEver() {
        let queue = Queue()
        queue.push("large", bytes: 64 * mebibyte, of: "heavy")
        var served = 0
        for index in 0..<1000 {
            queue.push("small \(index)", bytes: 2 * mebibyte, of: "light")
            guard queue.pop()?.job != "large" else { break }
            served += 1
        }
        #expect(served == 31)
    }

    /// A compressed body is charged to its caller with its decoded size, which is known only after the job.
    @Test func workThatWasNotKnownBeforehandCounts() {
        let queue = Queue()
        queue.push("bomb 0", bytes: 100, of: "heavy")
        queue.push("bomb 1", bytes: 100, of: "heavy")
        #expect(queue.pop()?.caller == "heavy")
        queue.push("other", bytes: 8 * mebibyte, of: "light")
        queue.charge(64 * mebibyte, to: "heavy")
        #expect(queue.drain() == ["other", "bomb 1"])
        // The charge delays the caller's next job even if no job of the caller waits at the time of the charge.
        queue.push("bomb 2", bytes: 100, of: "heavy")
        queue.push("one", bytes: 8 * mebibyte, of: "light")
        #expect(queue.pop()?.job == "bomb 2")
        queue.charge(64 * mebibyte, to: "heavy")
        queue.push("bomb 3", bytes: 100, of: "heavy")
        #expect(queue.drain() == ["one", "bomb 3"])
    }

    /// An empty queue forgets what callers were charged, because nobody else has to wait for them.
    @Test func anEmptyQueueForgetsItsCallers() {
        let queue = Queue()
        queue.push("first", bytes: 1, of: "heavy")
        #expect(queue.pop()?.job == "first")
        queue.charge(64 * mebibyte, to: "heavy")
        queue.push("second", bytes: 100, of: "heavy")
        queue.push("other", bytes: 200, of: "light")
        #expect(queue.drain() == ["second", "other"])
    }
}
