// The output of the log: stdout, or the file that `log.file` names.
internal import Glibc
internal import Transport

/// An open descriptor that log lines are written to.
///
/// Copies share the descriptor.
struct LogOutput: Sendable {
    /// The descriptor of stdout, or of a file that was opened for appending.
    let descriptor: CInt
    /// The path of the file; nil for stdout, which is never closed.
    let path: String?
    /// Whether lines begin with their priority, for systemd's journal.
    let isJournal: Bool

    /// Uses an open descriptor such as stdout, which `close` does not close.
    init(descriptor: CInt) {
        self.descriptor = descriptor
        path = nil
        isJournal = Journal.isConnected(descriptor)
    }

    /// Opens a file for appending.
    ///
    /// If the file does not exist, creates it with mode 0640, less the umask.
    ///
    /// O_NONBLOCK makes the call fail at once for a pipe that has no reader. O_APPEND writes each line at the present
    /// end of the file, so that logrotate's `copytruncate` may truncate the file meanwhile.
    ///
    /// - Throws: `StartError` if the file cannot be opened.
    init(path: String) throws(StartError) {
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        descriptor = unsafe open(path, flags, 0o640)
        guard descriptor >= 0 else {
            let code = errno
            let why = code == ENXIO ? "it is a pipe that nobody reads, or a socket" : SystemError.text(code)
            throw StartError(description: "log.file: cannot write \(path): \(why)")
        }
        self.path = path
        isJournal = false
    }

    /// The name of the output in messages to the operator.
    var name: String { path ?? "stdout" }

    /// Closes the file; does nothing for stdout.
    func close() { if path != nil { Glibc.close(descriptor) } }
}
