// What the process tells its operator, on stderr: start, end, warnings. Never in the path of a request.
internal import Glibc

package enum Messages {
    private static let isJournal = Journal.isConnected(2)

    package static func say(_ text: String, _ priority: LogPriority = .information) {
        var bytes: [UInt8] = []
        // Of a text of many lines the journal makes as many entries.
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if isJournal { bytes += priority.prefix }
            bytes += (index == 0 ? "freeinference: \(line)\n" : "\(line)\n").utf8
        }
        _ = unsafe bytes.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
    }

    package static func warn(_ text: String) { say("warning: \(text)", .warning) }
}
