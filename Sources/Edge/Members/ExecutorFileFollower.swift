// Reads a file of executors again when it changes; a file that cannot be used changes nothing.
internal import Configuration
internal import Transport

/// Follows a file that `executors_from` names; confined to the control thread.
final class ExecutorFileFollower {
    let path: String
    private let say: (String, LogPriority) -> Void
    private var stamp: FileStamp?
    /// The contents of the file when it was last read, and the result of parsing them; nil if the file could not be
    /// read.
    private var last: (bytes: [UInt8], outcome: Outcome)?
    /// The problem with the file that was last logged; nil while the file can be used.
    private var problem: String?

    private enum Outcome {
        case list([ExecutorSettings])
        case problem(String)
    }

    /// - Parameter say: called with each message for the operator.
    init(path: String, say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }) {
        self.path = path
        self.say = say
    }

    /// Returns the executors that the file lists now; nil if the file has not changed, or cannot be used.
    ///
    /// - Parameters:
    ///   - now: the present time, in seconds since 1970.
    ///   - read: parses the contents of the file.
    func look(
        now: Int,
        read: ([UInt8]) -> Result<[ExecutorSettings], ConfigurationErrors>
    ) -> [ExecutorSettings]? {
        let stamp = FileStamp(path)
        if let stamp, stamp == self.stamp, !stamp.isNew(at: now) { return nil }
        self.stamp = stamp
        switch SystemFiles.read(path) {
        case .failure(let problem):
            last = nil
            report("\(path) cannot be read: \(problem)")
            return nil
        case .success(let bytes):
            // A file that was modified less than 2 s ago is read at every call. Its contents are parsed only if they
            // have changed.
            if last?.bytes != bytes { last = (bytes, outcome(read(bytes))) }
            switch last?.outcome {
            case .list(let executors)?:
                report(nil)
                return executors
            case .problem(let text)?: report(text)
            case nil: break
            }
            return nil
        }
    }

    private func outcome(_ result: Result<[ExecutorSettings], ConfigurationErrors>) -> Outcome {
        switch result {
        case .success(let executors): return .list(executors)
        case .failure(let errors):
            let more = errors.problems.count - 1
            let rest = more > 0 ? " (and \(more) more)" : ""
            return .problem((errors.problems.first?.description ?? "\(path) cannot be used") + rest)
        }
    }

    private func report(_ found: String?) {
        guard found != problem else { return }
        if let found {
            say("warning: the last list of executors stays: \(found)", .warning)
        } else {
            say("the list of executors in \(path) is used again", .information)
        }
        problem = found
    }
}
