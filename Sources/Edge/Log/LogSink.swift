// Where log lines go: a bounded queue and a thread of its own, so that a blocked stdout never blocks a worker.
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

    private let descriptor: CInt
    /// Whether lines begin with their priority, for systemd's journal.
    private let isJournal: Bool
    private let queue = Lock(Queue())
    private let droppedLines = Atomic<Int>(0)
    /// Why the last line was dropped: an errno, or 0 if nobody read stdout.
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
        self.descriptor = descriptor
        isJournal = Journal.isConnected(descriptor)
        wakeup = eventfd(0, CInt(clinux_EVENTFD_BLOCKING))
    }

    deinit { close(wakeup) }

    /// The number of lines dropped since the start.
    package var dropped: Int { droppedLines.load(ordering: .relaxed) }

    /// Why lines were last dropped, in words for the operator.
    package var reason: String {
        let code = lastCode.load(ordering: .relaxed)
        return code == 0 ? "nobody reads stdout" : "stdout: \(SystemError.text(code))"
    }

    /// Queues a line, which has no line end; never waits for the descriptor.
    package func write(_ line: [UInt8], priority: LogPriority = .information) {
        let (isFirst, isFull) = queue.withLock { queue in
            guard queue.lines.count + line.count < Self.waitingMax else { return (false, true) }
            let isFirst = queue.lines.isEmpty
            if isJournal { queue.lines += priority.prefix }
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
            let output = LogDescriptor(descriptor)
            let put: LogWriter.Write = { bytes in unsafe output.write(bytes) { self.isOver } }
            var writer = LogWriter()
            var batch: [UInt8] = []
            while true {
                var value: eventfd_t = 0
                unsafe eventfd_read(wakeup, &value)
                if !queue.withLock({ $0.isEnding }) { usleep(Self.gathering) }
                let (count, isEnding) = queue.withLock { queue in
                    swap(&queue.lines, &batch)
                    defer { queue.count = 0 }
                    return (queue.count, queue.isEnding)
                }
                unsafe drop(writer.write(batch, count: count, to: put))
                batch.removeAll(keepingCapacity: batch.capacity <= Self.roomKept)
                guard isEnding else { continue }
                unsafe drop(writer.finish(to: put))
                isEnded.store(true, ordering: .releasing)
                return
            }
        }
    }

    private var isOver: Bool {
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
            defer { queue.count = 0 }
            return queue.count
        }
        drop(LogLoss(lines: left))
    }
}
