// The priority of a log line or of a message to the operator, in the form that systemd's journal reads.
internal import Inference

/// The levels of syslog(3) that this server uses; the raw values are those of sd-daemon(3).
package enum LogPriority: UInt8, Sendable {
    case error = 3
    case warning = 4
    case information = 6

    /// The bytes before a line that is written to the journal: for example `<6>`.
    var prefix: [UInt8] { [UInt8(ascii: "<"), UInt8(ascii: "0") + rawValue, UInt8(ascii: ">")] }
}

extension ExchangeMachine.End {
    /// The priority of the log line of an exchange that ended in this way.
    ///
    /// The priority is `warning` for a failure of the edge or of an executor, and `information` for all other ends.
    var priority: LogPriority {
        if case .failed(let failure) = self, failure.side != .client { return .warning }
        return .information
    }
}
