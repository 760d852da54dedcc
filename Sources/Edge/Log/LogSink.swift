// Where log lines go: a bounded queue and a thread of its own, so that a blocked stdout or disk never blocks a worker.
internal import CLinux
internal import Glibc
internal import Synchronization
package import Transport

/// Takes log lines from any thread and writes them in order to a descriptor.
///
/// A line that does not fit the queue, or cannot be written, is dropped and counted. A line is written whole or not at
/// all, unless the process ends while it is written.
package final class LogSink: Sendable {
    private struct Queue {
        var lines: [UInt8] = []
        /// The number of lines in `lines`.
        var count = 0
        var isEnding = false
        /// What `lines` are for.
        var output: LogOutput
        /// Changes of the output that the thread has not made yet, oldest first.
        var changes: [Change] = []
    }

    /// A change from one output to the next.
    private struct Change: Sendable {
        /// The lines that still go to the output before it, and their number.
        var lines: [UInt8]
        var count: Int
        var output: LogOutput
        /// Called on the log thread when the output before it is closed.
        var done: @Sendable () -> Void
    }

    /// The most that waits to be written, in bytes.
    static let waitingMax = 4 << 20
    /// How long the thread waits for more lines before it writes, in microseconds: waking it for each line costs more
    /// than writing the line.
    private static let gathering: useconds_t = 5_000
    /// The largest buffer of a written batch that is kept for the next batch, in bytes.
    private static let roomKept = 1 << 20
    /// How long `endWaiting` waits for a reader, in nanoseconds.
    private static let endTimeout: Nanoseconds = 1_000_000_000
    /// The most changes of the output that wait for the thread; it makes them at once unless a write blocks it.
    private static let changesMax = 4

    /// What the thread writes to first.
    private let firstOutput: LogOutput
    private let queue: Lock<Queue>
    /// The number of changes that wait, so that a write to a blocked output ends when there is another one.
    private let changesWaiting = Atomic<Int>(0)
    private let droppedLines = Atomic<Int>(0)
    /// Why the last line was dropped: an errno, or 0 if nobody read the output.
    private let lastCode = Atomic<CInt>(0)
    /// An eventfd that wakes the thread.
    private let wakeup: CInt
    private let isEnded = Atomic<Bool>(false)
    /// When the thread gives up writing, in nanoseconds of the monotonic clock; 0 before `endWaiting`.
    private let endsBy = Atomic<UInt64>(0)

    /// Makes a sink whose queue takes lines at once; `start` starts the thread that writes them.
    ///
    /// - Parameter descriptor: stdout, unless a test has its own.
    package init(descriptor: CInt = 1) {
        let output = LogOutput(descriptor: descriptor)
        firstOutput = output
        queue = Lock(Queue(output: output))
        wakeup = eventfd(0, CInt(clinux_EVENTFD_BLOCKING))
    }

    deinit { close(wakeup) }

    /// The number of lines dropped since the start.
    package var dropped: Int { droppedLines.load(ordering: .relaxed) }

    /// Why lines were last dropped, in words for the operator.
    package var reason: String {
        let code = lastCode.load(ordering: .relaxed)
        let name = queue.withLock { $0.output.name }
        return code == 0 ? "nobody reads \(name)" : "\(name): \(SystemError.text(code))"
    }

    /// Has the lines that are written from now on go to another output; those before still go to the earlier one.
    ///
    /// The thread closes the earlier one, unless it is stdout. Lines that it does not take at once are lost, since it may
    /// be blocked for ever.
    ///
    /// - Parameter done: called on the log thread when the earlier output is closed.
    /// - Returns: false where earlier changes still wait for the thread, which a write holds up: then nothing has changed.
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

    /// Queues a line, which has no line end; never waits for the descriptor.
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

    /// Starts the thread that writes; `endWaiting` ends it.
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

    /// What the thread writes to at the moment.
    private struct Target {
        let output: LogOutput
        let descriptor: LogDescriptor
        var writer = LogWriter()

        init(_ output: LogOutput) {
            self.output = output
            descriptor = LogDescriptor(output.descriptor)
        }
    }

    /// Writes what is left for the output before, closes it and goes on with the next.
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

    /// Whether the thread no longer waits for room in what it writes to.
    private var isOver: Bool {
        if changesWaiting.load(ordering: .relaxed) > 0 { return true }
        let end = endsBy.load(ordering: .relaxed)
        return end > 0 && Clock.monotonicNow() >= end
    }

    /// Ends the thread once the queue is written; gives up after a second, since stdout may be blocked.
    ///
    /// Lines that could not be written by then are counted as dropped.
    package func endWaiting() {
        endsBy.store(Clock.monotonicNow() + Self.endTimeout, ordering: .relaxed)
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        for _ in 0..<150 where !isEnded.load(ordering: .acquiring) { usleep(10_000) }
        // After a normal end no lines are left. If a write does not return, as on a file system that hangs, the lines
        // that are still queued are lost.
        let left = queue.withLock { queue in
            defer { (queue.changes, queue.count) = ([], 0) }
            return queue.changes.reduce(queue.count) { $0 + $1.count }
        }
        drop(LogLoss(lines: left))
    }
}
