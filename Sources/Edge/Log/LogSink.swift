// Where log lines go: a bounded queue and a thread of its own, so that a blocked stdout never blocks a worker.
internal import CLinux
internal import Glibc
internal import Synchronization
package import Transport

/// Takes lines from any thread; writes them in order to a descriptor.
///
/// What does not fit, or cannot be written, is dropped and counted; a line is written whole or not at all, unless the
/// process ends in the midst of it.
package final class LogSink: Sendable {
    private struct Queue {
        var lines: [UInt8] = []
        /// How many lines these are.
        var count = 0
        var isEnding = false
    }

    /// Bytes of lines that wait at most.
    package static let waitingMax = 4 << 20
    /// How long lines gather, in microseconds: to wake this thread for each costs more than to write it.
    private static let gathering: useconds_t = 5_000
    /// Of a batch that was written, this much room is kept for the next one.
    private static let roomKept = 1 << 20
    /// How long the end waits for a reader, in nanoseconds.
    private static let endingPatience: Nanoseconds = 1_000_000_000

    private let descriptor: CInt
    /// Lines begin with their priority.
    private let isJournal: Bool
    private let queue = Lock(Queue())
    private let droppedLines = Atomic<Int>(0)
    /// Why the last line was dropped: an errno, or 0 where nobody took it.
    private let lastCode = Atomic<CInt>(0)
    private let wakeup: CInt
    private let isEnded = Atomic<Bool>(false)
    /// When the thread gives up, in nanoseconds of the monotonic clock; 0 while it is not to end.
    private let endsBy = Atomic<UInt64>(0)

    /// - Parameter descriptor: stdout, unless a test has its own.
    package init(descriptor: CInt = 1) {
        self.descriptor = descriptor
        isJournal = Journal.isConnected(descriptor)
        wakeup = eventfd(0, CInt(clinux_EVENTFD_BLOCKING))
    }

    deinit { close(wakeup) }

    /// Lines dropped since the start.
    package var dropped: Int { droppedLines.load(ordering: .relaxed) }

    /// Why lines were dropped last, for people.
    package var reason: String {
        let code = lastCode.load(ordering: .relaxed)
        return code == 0 ? "nobody reads stdout" : "stdout: \(SystemError.text(code))"
    }

    /// Queues a line (without its line end).
    ///
    /// Never waits.
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

    /// Begins to write; `endWaiting` ends it.
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

    /// Ends the thread once the queue is written, but waits no longer than a second: stdout may be blocked.
    ///
    /// What could not be written by then is counted as dropped.
    package func endWaiting() {
        endsBy.store(Clock.monotonicNow() + Self.endingPatience, ordering: .relaxed)
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        for _ in 0..<150 where !isEnded.load(ordering: .acquiring) { usleep(10_000) }
        // A file system that does not come back from a write: what waits behind it is lost.
        let left = queue.withLock { queue in
            defer { queue.count = 0 }
            return queue.count
        }
        drop(LogLoss(lines: left))
    }
}
