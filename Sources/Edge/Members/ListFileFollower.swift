// Follows a file that contains a list: reads the file again whenever it has changed. While the file cannot be used, the
// list that was last read from it stays in force.
internal import Configuration
internal import Transport

/// Follows a file that the configuration names, such as a list of executors; confined to the control thread.
final class ListFileFollower<Contents> {
    let path: String
    /// What the file lists, in words for the operator, such as `executors`.
    private let what: String
    private let say: (String, LogPriority) -> Void
    private var stamp: FileStamp?
    /// The bytes of the file when it was last read, and the result of parsing them; nil if the file could not be read.
    private var last: (bytes: [UInt8], outcome: Result<Contents, ListFileProblem>)?
    /// The last logged problem with the file; nil while the file can be used.
    private var problem: String?

    /// - Parameters:
    ///   - what: what the file lists, as a plural noun for messages.
    ///   - say: called with each message for the operator.
    init(
        path: String,
        of what: String,
        say: @escaping (String, LogPriority) -> Void = { OperatorLog.say($0, $1) }
    ) {
        self.path = path
        self.what = what
        self.say = say
    }

    /// Returns what the file lists now; nil if the file has not changed, or if it cannot be used.
    ///
    /// A file that was modified less than 2 s ago is always treated as changed, because a second change may leave the
    /// file with the same time of modification.
    ///
    /// - Parameters:
    ///   - now: the present time, in seconds since 1970.
    ///   - read: parses the contents of the file.
    func look(now: Int, read: ([UInt8]) -> Result<Contents, ListFileProblem>) -> Contents? {
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
            if last?.bytes != bytes { last = (bytes, read(bytes)) }
            switch last?.outcome {
            case .success(let contents)?:
                report(nil)
                return contents
            case .failure(let problem)?: report(problem.description)
            case nil: break
            }
            return nil
        }
    }

    private func report(_ found: String?) {
        guard found != problem else { return }
        if let found {
            say("warning: the last list of \(what) stays: \(found)", .warning)
        } else {
            say("the list of \(what) in \(path) is used again", .information)
        }
        problem = found
    }
}

/// Why the contents of a followed file cannot be used, in words for the operator.
struct ListFileProblem: Error, CustomStringConvertible {
    let description: String

    /// - Parameter description: the reason, with the file and the line.
    init(description: String) { self.description = description }

    /// Describes the first of several problems, and says how many more there are.
    init(_ errors: ConfigurationErrors, path: String) {
        let more = errors.problems.count - 1
        let rest = more > 0 ? " (and \(more) more)" : ""
        description = (errors.problems.first?.description ?? "\(path) cannot be used") + rest
    }
}
