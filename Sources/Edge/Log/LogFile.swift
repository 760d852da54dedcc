// The file that the log goes to: opened with a configuration that names another one, and opened again for logrotate.
internal import Transport

/// Keeps what the log is written to, from one configuration to the next; confined to the control thread.
///
/// Files are opened here and written by the log's own thread alone, which also closes them.
final class LogFile {
    /// The path of `log.file`; nil while the log is stdout.
    private(set) var path: String?
    private let sink: LogSink
    /// The numbers of the changes that the log thread has made.
    private let changes = Mailbox<Int>()
    /// Who waits for a change, by its number.
    private var waiting: [Int: () -> Void] = [:]
    private var number = 0

    /// Opens the file, if there is one.
    ///
    /// - Throws: `StartError` where it cannot be opened.
    init(_ path: String?, sink: LogSink) throws(StartError) {
        self.sink = sink
        self.path = path
        if let path { _ = sink.change(to: try LogOutput(path: path)) }
    }

    /// Has the loop tell of changes that the log thread has made; without this `reopen` is never answered.
    func attach(to loop: EventLoop) {
        loop.attach(changes) { [unowned self] number in waiting.removeValue(forKey: number)?() }
    }

    /// Opens what another configuration names.
    ///
    /// `commit` must follow, or the caller closes it.
    ///
    /// - Returns: nil where the log stays where it is.
    /// - Throws: `StartError` where the file cannot be opened.
    func prepare(_ new: String?) throws(StartError) -> LogOutput? {
        guard new != path else { return nil }
        guard let new else { return LogOutput(descriptor: 1) }
        return try LogOutput(path: new)
    }

    /// Has the lines that are logged from now on written to an output of `prepare`.
    func commit(_ output: LogOutput) {
        guard sink.change(to: output) else {
            output.close()
            OperatorLog.warn("the log cannot be moved to \(output.name): its thread has been blocked for long")
            return
        }
        path = output.path
    }

    /// Opens the file again by its path, since the one that is open may have been renamed; the new one is opened first.
    ///
    /// - Parameter answered: called once: at once, or when the log thread has written the last line to the earlier file
    ///   and closed it.
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
