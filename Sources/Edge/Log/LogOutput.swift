// What log lines are written to: stdout, or the file that `log.file` names, and how that file is opened.
internal import Glibc
internal import Transport

/// An open descriptor that log lines go to; a copy has the same descriptor.
struct LogOutput: Sendable {
    /// The descriptor of stdout, or of a file that was opened to append.
    let descriptor: CInt
    /// The path of the file; nil for stdout, which is never closed.
    let path: String?
    /// Whether lines begin with their priority, for systemd's journal.
    let isJournal: Bool

    /// Takes a descriptor that is open already, as stdout is.
    init(descriptor: CInt) {
        self.descriptor = descriptor
        path = nil
        isJournal = Journal.isConnected(descriptor)
    }

    /// Opens a file to append to it, and makes it where it is missing, with what the umask leaves of mode 0640.
    ///
    /// Never waits for the reader of a pipe. Every line is written at the end that the file has at that moment, so that
    /// a tool may cut the file down while it is written (logrotate's `copytruncate`).
    ///
    /// - Throws: `StartError` where the file cannot be opened.
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

    /// What the operator knows it by.
    var name: String { path ?? "stdout" }

    /// Closes the file; does nothing for stdout.
    func close() { if path != nil { Glibc.close(descriptor) } }
}
