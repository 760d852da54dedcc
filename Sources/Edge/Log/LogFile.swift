// The file that the log is written to. It changes when a configuration names another file, and is reopened for
// logrotate.
internal import Transport

/// Opens the file that `log.file` names, at the start, on a reload and for logrotate; confined to the control thread.
///
/// The control thread opens each file. The log thread writes to the file and closes it.
final class LogFile {
    /// The path of `log.file`; nil while the log is stdout.
    private(set) var path: String?
    private let sink: LogSink
    /// The mailbox to which the log thread posts a message once it writes to a reopened file.
    ///
    /// The message is the number that `reopen` has given to this reopening.
    private let changes = Mailbox<Int>()
    /// For each reopening, by its number, the closure to call once the log thread writes to the reopened file.
    private var waiting: [Int: () -> Void] = [:]
    private var number = 0

    /// Opens the file at this path; if the path is nil, the log stays stdout.
    ///
    /// - Throws: `StartError` if the file cannot be opened.
    init(_ path: String?, sink: LogSink) throws(StartError) {
        self.sink = sink
        self.path = path
        if let path { _ = sink.change(to: try LogOutput(path: path)) }
    }

    /// Makes the loop receive the messages by which the log thread reports that it now writes to the reopened file.
    func attach(to loop: EventLoop) {
        loop.attach(changes) { [unowned self] number in waiting.removeValue(forKey: number)?() }
    }

    /// Opens the output that a new configuration names.
    ///
    /// The caller must pass the output to `commit`, or close it.
    ///
    /// - Parameter new: the path of `log.file` in the new configuration; nil for stdout.
    /// - Returns: the output; nil if it would be the same as the present output.
    /// - Throws: `StartError` if the file cannot be opened.
    func prepare(_ new: String?) throws(StartError) -> LogOutput? {
        guard new != path else { return nil }
        guard let new else { return LogOutput(descriptor: 1) }
        return try LogOutput(path: new)
    }

    /// Makes the log thread write all later lines to an output that `prepare` has returned.
    func commit(_ output: LogOutput) {
        guard sink.change(to: output) else {
            output.close()
            OperatorLog.warn("the log cannot be moved to \(output.name): its thread has been blocked for long")
            return
        }
        path = output.path
    }

    /// Opens the file again by its path, because logrotate may have renamed the open file.
    ///
    /// - Parameter answered: called once with the outcome. If the reopening fails or the log is stdout, `answered` is
    ///   called at once. After a success it is called when the log thread has written the last line to the file that
    ///   was open before, and has closed that file.
    func reopen(_ answered: @escaping (LogReopening) -> Void) {
        guard let path else { return answered(.isStdout) }
        let output: LogOutput
        do throws(StartError) {
            output = try LogOutput(path: path)
        } catch {
            return answered(.failed(error.description))
        }
        number += 1
        waiting[number] = { answered(.reopened(path: path)) }
        let isTaken = sink.change(to: output) { [changes, number] in changes.post(number) }
        guard !isTaken else { return }
        output.close()
        waiting[number] = nil
        answered(.failed("the log's thread has been blocked for long"))
    }
}
