// Where log lines go: a bounded queue and a thread of its own, so that a blocked stdout never blocks a worker.
internal import CLinux
internal import Glibc
internal import Synchronization
package import Transport

/// Takes lines from any thread; writes them in order to a descriptor.
///
/// What does not fit is dropped and counted.
package final class LogSink: Sendable {
    private struct Queue {
        var lines: [UInt8] = []
        var isEnding = false
    }

    /// Bytes of lines that wait at most.
    package static let waitingMax = 4 << 20
    /// How long lines gather, in microseconds: to wake this thread for each costs more than to write it.
    private static let gathering: useconds_t = 5_000
    /// Of a batch that was written, this much room is kept for the next one.
    private static let roomKept = 1 << 20

    private let descriptor: CInt
    /// Lines begin with their priority.
    private let isJournal: Bool
    private let queue = Lock(Queue())
    private let droppedLines = Atomic<Int>(0)
    private let wakeup: CInt
    private let isEnded = Atomic<Bool>(false)

    /// - Parameter descriptor: stdout, unless a test has its own.
    package init(descriptor: CInt = 1) {
        self.descriptor = descriptor
        isJournal = Journal.isConnected(descriptor)
        wakeup = eventfd(0, CInt(clinux_EVENTFD_BLOCKING))
    }

    deinit { close(wakeup) }

    /// Lines dropped since the start because nobody took them.
    package var dropped: Int { droppedLines.load(ordering: .relaxed) }

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
            return (isFirst, false)
        }
        if isFull { droppedLines.wrappingAdd(1, ordering: .relaxed) }
        if isFirst { eventfd_write(wakeup, 1) }
    }

    /// Begins to write; `endWaiting` ends it.
    package func start() -> Thread {
        Thread(name: "log") { [self] in
            var batch: [UInt8] = []
            while true {
                var count: eventfd_t = 0
                unsafe eventfd_read(wakeup, &count)
                if !queue.withLock({ $0.isEnding }) { usleep(Self.gathering) }
                let isEnding = queue.withLock { queue in
                    swap(&queue.lines, &batch)
                    return queue.isEnding
                }
                writeAll(batch)
                batch.removeAll(keepingCapacity: batch.capacity <= Self.roomKept)
                if isEnding {
                    isEnded.store(true, ordering: .releasing)
                    return
                }
            }
        }
    }

    /// Ends the thread once the queue is written, but waits no longer than a second: stdout may be blocked.
    package func endWaiting() {
        queue.withLock { $0.isEnding = true }
        eventfd_write(wakeup, 1)
        for _ in 0..<100 where !isEnded.load(ordering: .acquiring) { usleep(10_000) }
    }

    private func writeAll(_ lines: [UInt8]) {
        var sent = 0
        while sent < lines.count {
            let count = unsafe lines.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress! + sent, $0.count - sent)
            }
            if count < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN {
                    // A terminal or pipe that somebody made non-blocking: wait for room.
                    usleep(10_000)
                    continue
                }
                return
            }
            sent += count
        }
    }
}
