// Messages of the process to its operator on stderr: start, end, warnings. A request that succeeds causes no message.
package import Configuration
internal import Glibc
internal import Synchronization

/// Writes messages to the operator; may be called on any thread.
package enum OperatorLog {
    private static let isJournal = Journal.isConnected(2)
    /// The number of messages lost since the last written message, because stderr was full or closed.
    private static let lost = Atomic<Int>(0)
    /// Whether the last message was written only in part; the next message then begins on a new line.
    private static let isTorn = Atomic<Bool>(false)

    /// Writes a message to stderr without waiting.
    ///
    /// If stderr is full or closed, the message is lost. The next message is preceded by the number of lost messages.
    package static func say(_ text: String, _ priority: LogPriority = .information) {
        let lostBefore = lost.exchange(0, ordering: .relaxed)
        var bytes: [UInt8] = isTorn.exchange(false, ordering: .relaxed) ? [UInt8(ascii: "\n")] : []
        if lostBefore > 0 {
            append("warning: \(lostBefore) messages were lost: nobody read stderr", .warning, to: &bytes)
        }
        append(text, priority, to: &bytes)
        let output = LogDescriptor(2, pollTimeout: 0)
        var sent = 0
        while sent < bytes.count {
            let step = unsafe bytes.withUnsafeBytes { bytes in
                unsafe output.write(UnsafeRawBufferPointer(rebasing: bytes[sent...])) { true }
            }
            guard step > 0 else {
                lost.wrappingAdd(lostBefore + 1, ordering: .relaxed)
                if sent > 0 { isTorn.store(true, ordering: .relaxed) }
                return
            }
            sent += step
        }
    }

    private static func append(_ text: String, _ priority: LogPriority, to bytes: inout [UInt8]) {
        // The journal makes one entry of each line, so each line needs a priority.
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if isJournal { bytes += priority.prefix }
            bytes += (index == 0 ? "freeinference: \(line)\n" : "\(line)\n").utf8
        }
    }

    /// Writes lines without the program's name; waits until they are written.
    ///
    /// Commands such as `check` print with this function. Lines begin with their priority only if the descriptor is
    /// connected to the journal, as in `ExecStartPre` of a systemd unit.
    ///
    /// - Parameter descriptor: the descriptor to write to; stdout by default.
    package static func list(_ lines: [(text: String, priority: LogPriority)], to descriptor: CInt = 1) {
        let isJournal = Journal.isConnected(descriptor)
        var bytes: [UInt8] = []
        for line in lines {
            if isJournal { bytes += line.priority.prefix }
            bytes += "\(line.text)\n".utf8
        }
        var sent = 0
        while sent < bytes.count {
            let step = unsafe bytes.withUnsafeBytes {
                unsafe write(descriptor, $0.baseAddress! + sent, $0.count - sent)
            }
            if step < 0, errno == EINTR { continue }
            guard step > 0 else { return }
            sent += step
        }
    }

    /// Writes the errors and warnings of a configuration, one per line.
    package static func list(_ problems: [ConfigurationProblem], to descriptor: CInt = 1) {
        list(problems.map { ($0.description, $0.isWarning ? .warning : .error) }, to: descriptor)
    }

    /// Writes `warning: ` and the text to stderr, as `say` does.
    package static func warn(_ text: String) { say("warning: \(text)", .warning) }
}
