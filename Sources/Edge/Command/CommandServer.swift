// Serves the operator's commands to the running server, on a unix socket of mode 0600 and on the control thread.
internal import CLinux
internal import Configuration
internal import HTTP
internal import Inference
internal import Transport

/// Serves HTTP on the command socket; confined to the control thread.
///
/// The socket is never a TCP socket, because any web page in a browser on this machine could send requests to a TCP
/// socket.
final class CommandServer {
    /// The functions that carry out the commands.
    struct Actions {
        /// Reads the configuration again and puts it in force, then calls the closure with the result.
        var reload: (@escaping (ReloadReport) -> Void) -> Void
        /// Reports what a reload would change with the configuration file at this path; nil for the server's own file.
        var rehearse: (_ path: String?) -> ReloadReport
        /// Returns the status of the server at this moment, as JSON.
        var status: () -> [UInt8]
        /// Carries out an order for an executor; throws the reason if the order is invalid.
        var order: (OrderCommand) throws(CommandRequest.Problem) -> ExecutorOrderer.Outcome
        /// Begins the maintenance or changes its message; ends the maintenance if the argument is nil.
        var maintain: (Maintenance?) -> CommandReport
        /// Opens the log file again, then calls the closure with the outcome.
        var reopenLog: (@escaping (LogReopening) -> Void) -> Void
    }

    let actions: Actions
    let loop: EventLoop
    private let process: ProcessState
    private let environment: [String: String]
    private var setting: Configuration.CommandSocket?
    /// The last warning that the socket cannot be opened; nil if the socket has been opened since.
    private var warning: String?
    private var sockets: ListenerSet?
    private var listener: ControlListener?
    /// Earlier listeners that accept no more connections, but still serve their open connections.
    private var replaced: [ControlListener] = []

    /// - Parameter environment: the environment variables of the process.
    init(loop: EventLoop, process: ProcessState, environment: [String: String], actions: Actions) {
        self.loop = loop
        self.process = process
        self.environment = environment
        self.actions = actions
    }

    /// Opens the command socket that a configuration names, unless it is already open; logs its path or the error.
    ///
    /// If the socket cannot be opened, the earlier socket stays in use, and the next call tries again.
    func adopt(_ configuration: Configuration) {
        let wanted = configuration.admin.commandSocket
        guard wanted != setting else { return }
        let opened = CommandSocket.open(wanted, environment: environment)
        if let problem = opened.problem {
            let earlier = sockets.map { ": the earlier one, \($0.addresses[0]), stays" } ?? ""
            let text = "the command socket cannot be opened\(earlier): \(problem)"
            if text != warning { OperatorLog.warn(text) }
            warning = text
            return
        }
        warning = nil
        // The earlier listener keeps its connections, because one of them may wait for the answer to the reload under
        // way.
        if let listener { replaced.append(listener) }
        listener?.pause()
        listener = nil
        self.sockets?.close()
        self.sockets = opened.sockets
        setting = wanted
        guard let sockets = opened.sockets else { return }
        listener = ControlListener(
            loop: loop,
            sockets: sockets,
            process: process,
            handle: { [unowned self] head, stream, user in
                CommandExchange(server: self, head: head, stream: stream, user: user)
            }
        )
        OperatorLog.say("commands are taken on \(sockets.addresses[0])")
    }

    /// Closes the command socket and all its connections.
    func close() {
        for listener in replaced { listener.close() }
        replaced = []
        listener?.close()
        listener = nil
        sockets?.close()
        sockets = nil
        setting = nil
    }
}
