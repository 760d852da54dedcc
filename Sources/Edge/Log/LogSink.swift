// The log: a queue of limited size, and a thread that writes the lines, so that a blocked stdout or disk never blocks a
// worker.
internal import CLinux
internal import Glibc
internal import Synchronization
package import Transport

/// Queues log lines from any thread; a separate thread writes them in order.
///
/// A line is dropped and counted if the queue is full or if the line cannot be written. Each line is written completely
/// or not at all, unless the process ends or the output changes during the write.
package final class LogSink: Sendable {
    private struct Queue {
        var lines: [UInt8] = []
        /// The number of lines in `lines`.
        var count = 0
        var isEnding = false
        /// The output (a file or stdout) to which `lines` will be written.
        var output: LogOutput
        /// Changes to another output that the log thread has not made yet, oldest first.
        var changes: [Change] = []
    }

    /// A change of the log from one output (a file or stdout) to another.
    private struct Change: Sendable {
        /// The lines that were queued before the change, so they still belong to the earlier output.
        var lines: [UInt8]
        var count: Int
        var output: LogOutput
        /// Called on the log thread after it has closed the output to which it wrote before this change.
        var done: @Sendable () -> Void
    }

    /// The largest number of bytes that may wait in the queue.
    static let waitingMax = 4 << 20
    /// How long the log thread waits for more lines before it writes, in microseconds.
    ///
    /// The log thread waits because it would cost more to wake it for each line than to write the line.
    private static let gathering: useconds_t = 5_000
    /// The largest buffer of lines, in bytes, that the log thread keeps for its next write; a larger buffer is freed.
    private static let roomKept = 1 << 20
    /// How long the log thread may still write after `endWaiting` was called, in nanoseconds.
    private static let endTimeout: Nanoseconds = 1_000_000_000
    /// How many changes to another output may wait for the log thread.
    ///
    /// Several changes wait at once only if a write blocks the log thread.
    private static let changesMax = 4

    /// The output to which the log thread writes until the first change.
    private let firstOutput: LogOutput
    private let queue: Lock<Queue>
    /// How many changes to another output wait for the log thread.
    ///
    /// While a change waits, the log thread drops lines for an output that is full, because the output may stay full
    /// forever.
    private let changesWaiting = Atomic<Int>(0)
    private let droppedLines = Atomic<Int>(0)
    /// Why the last line was dropped: the errno of the write, or 0 if the queue or the output was full.
    private let lastCode = Atomic<CInt>(0)
    /// An eventfd that wakes the log thread when there is something to write.
    private let wakeup: CInt
    private let isEnded = Atomic<Bool>(false)
    /// The time at which the log thread stops writing, in nanoseconds of the monotonic clock; 0 until
    /// `endWaiting` is called.
    private let endsBy = Atomic<UInt64>(0)

    /// Makes a log that queues lines from now on; `start` starts the thread that writes them.
    ///
    /// - Parameter descriptor: the first output; stdout except in tests.
    package init(descriptor: CInt = 1) {
        let output = LogOutput(descriptor: descriptor)
        firstOutput = output
        queue = Lock(Queue(output: output))
        wakeup = eventfd(0, CInt(clinux_EVENTFD_BLOCKING))
    }

    deinit { close(wakeup) }

    /// The number of lines dropped since the start of the process.
    package var dropped: Int { droppedLines.load(ordering: .relaxed) }

    /// Why the last line was dropped, as text for the operator.
    package var reason: String {
        let code = lastCode.load(ordering: .relaxed)
        let name = queue.withLock { $0.output.name }
        return code == 0 ? "nobody reads \(name)" : "\(name): \(SystemError.text(code))"
    }

    /// Makes the log thread write all later lines to another output; lines in the queue still go to the earlier output.
    ///
    /// The log thread then closes the earlier output, unless it is stdout. If the earlier output is full, the log
    /// thread drops the lines for it, because the output may stay full forever.
    ///
    /// - Parameter done: called on the log thread when the earlier output is closed.
    /// - Returns: whether the change was queued; false if `changesMax` changes wait already, because a write blocks the
    ///   log thread.
    func change(to output: LogOutput, done: @escaping @Sendable () -> Void = {}) -> Bool {
        let isTaken = queue.withLock { queue in
            guard queue.changes.count < Self.changesMax else { return false }
            queue.changes.append(Change(lines: queue.lines, count: queue.count, output: output, done: done))
            (queue.lines, queue.count, queue.output) = ([], 0, output)
            return true
        }
        guard isTaken else { return false }
        changesWaiting.wrappingAdd(1, ordering: .releasing)
        eventfd_write(wakeup, 1)
        return true
    }

    /// Queues a line for the log thread; never waits for the output.
    ///
    /// The caller passes the line without its line end.
    package func write(_ line: [UInt8], priority: LogPriority = .information) {
        let (isFirst, isFull) = queue.withLock { queue in
            guard queue.lines.count + line.count < Self.waitingMax else { return (false, true) }
            let isFirst = queue.lines.isEmpty
            if queue.output.isJournal { queue.lines += priority.prefix }
            queue.lines += line
            queue.lines.append(UInt8(ascii: "\n"))
            queue.count += 1
            return (isFirst, false)
        }
        if isFull { drop(LogLoss(lines: 1)) }
        if isFirst { eventfd_write(wakeup, 1) }
    }

    private func drop(_ loss: LogLoss?) {
        guard let loss, loss.lines > 0 else { return }
        lastCode.store(loss.code, ordering: .relaxed)
        droppedLines.wrappingAdd(loss.lines, ordering: .relaxed)
    }

    /// Starts the log thread, which writes the queued lines until `endWaiting` is called.
    package func start() -> Thread {
        Thread(name: "log") { [self] in
            var target = Target(firstOutput)
            var batch: [UInt8] = []
            while true {
                var value: eventfd_t = 0
                unsafe eventfd_read(wakeup, &value)
                if !queue.withLock({ $0.isEnding }) { usleep(Self.gathering) }
                let (changes, count, isEnding) = queue.withLock { queue in
                    swap(&queue.lines, &batch)
                    defer { (queue.changes, queue.count) = ([], 0) }
                    return (queue.changes, queue.count, queue.isEnding)
                }
                for change in changes { make(change, &target) }
                unsafe drop(target.writer.write(batch, count: count, to: put(target)))
                batch.removeAll(keepingCapacity: batch.capacity <= Self.roomKept)
                guard isEnding else { continue }
                unsafe drop(target.writer.finish(to: put(target)))
                target.output.close()
                isEnded.store(true, ordering: .releasing)
                return
            }
        }
    }

    /// The output to which the log thread writes now, with the state of the writer.
    private struct Target {
        let output: LogOutput
        let descriptor: LogDescriptor
        var writer = LogWriter()

        init(_ output: LogOutput) {
            self.output = output
            descriptor = LogDescriptor(output.descriptor)
        }
    }

    /// Changes the output: writes the lines from before the change to the old output, closes the old output, and makes
    /// `target` the new one.
    private func make(_ change: Change, _ target: inout Target) {
        unsafe drop(target.writer.write(change.lines, count: change.count, to: put(target)))
        unsafe drop(target.writer.finish(to: put(target)))
        target.output.close()
        target = Target(change.output)
        changesWaiting.wrappingSubtract(1, ordering: .relaxed)
        change.done()
    }

    private func put(_ target: Target) -> LogWriter.Write {
        { [self, descriptor = target.descriptor] bytes in unsafe descriptor.write(bytes) { self.isOver } }
    }

    /// Whether the log thread must drop lines now if the output is full, instead of waiting.
    ///
    /// The thread must drop lines while a change to another output waits, and after the time that `endWaiting` allows.
    private var isOver: Bool {
        if changesWaiting.load(ordering: .relaxed) > 0 { return true }
        let end = endsBy.load(ordering: .relaxed)
        return end > 0 && Clock.monotonicNow() >= end
    }

    /// Tells the log thread to write the queued lines and to end, and waits until the log thread has ended.
    ///
    /// The wait takes at most 1.5 seconds. The log thread stops writing after one second, because the output may be
    /// blocked. Lines that are not written by then are counted as dropped.
    package func endWaiting() {
        endsBy.store(Clock.monotonicNow() + Self.endTimeout, ordering: .relaxed)
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        for _ in 0..<150 where !isEnded.load(ordering: .acquiring) { usleep(10_000) }
        // After a normal end the queue is empty. But if a write still hangs, for example on a network file system, the
        // queued lines are lost and counted here.
        let left = queue.withLock { queue in
            defer { (queue.changes, queue.count) = ([], 0) }
            return queue.changes.reduce(queue.count) { $0 + $1.count }
        }
        drop(LogLoss(lines: left))
    }
}
