// What the process tells its operator, on stderr: start, end, warnings. Never in the path of a request.
package import Configuration
internal import Glibc
internal import Synchronization

package enum OperatorLog {
    private static let isJournal = Journal.isConnected(2)
    /// Messages that a full or closed stderr did not take, since the last one that it took.
    private static let lost = Atomic<Int>(0)
    /// The last message went out in part.
    private static let isTorn = Atomic<Bool>(false)

    /// Writes it to stderr, and never waits: what stderr does not take is lost, and how much is told with the next one.
    package static func say(_ text: String, _ priority: LogPriority = .information) {
        let lostBefore = lost.exchange(0, ordering: .relaxed)
        var bytes: [UInt8] = isTorn.exchange(false, ordering: .relaxed) ? [UInt8(ascii: "\n")] : []
        if lostBefore > 0 {
            append("warning: \(lostBefore) messages were lost: nobody read stderr", .warning, to: &bytes)
        }
        append(text, priority, to: &bytes)
        let output = LogDescriptor(2, look: 0)
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
        // Of a text of many lines the journal makes as many entries.
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if isJournal { bytes += priority.prefix }
            bytes += (index == 0 ? "freeinference: \(line)\n" : "\(line)\n").utf8
        }
    }

    /// Lines as they are, each with how grave it is: what `check` says goes to the journal where a unit calls it.
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

    /// The same for what was found in a configuration.
    package static func list(_ problems: [ConfigurationProblem], to descriptor: CInt = 1) {
        list(problems.map { ($0.description, $0.isWarning ? .warning : .error) }, to: descriptor)
    }

    package static func warn(_ text: String) { say("warning: \(text)", .warning) }
}
