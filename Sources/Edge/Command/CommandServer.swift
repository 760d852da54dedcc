// The commands of the operator to the running server, taken on a unix socket of mode 0600 and done by the control
// thread.
internal import CLinux
internal import Configuration
internal import HTTP
internal import Inference
internal import Transport

/// Serves the command socket, as HTTP; confined to the control thread.
///
/// Never a TCP socket: any web page that a browser of this machine shows could reach one.
final class CommandServer {
    /// Does what the commands say.
    struct Actions {
        /// Reads the configuration again.
        var reload: (@escaping (ReloadReport) -> Void) -> Void
        /// Says what a reload would do with a configuration file; nil for the server's own.
        var rehearse: (_ path: String?) -> ReloadReport
        /// Says what the server does at the moment, as JSON.
        var status: () -> [UInt8]
        /// Gives an order for an executor, or throws why it cannot be given.
        var order: (OrderCommand) throws(CommandRequest.Problem) -> ExecutorOrderer.Outcome
        /// Begins or changes the maintenance; ends it with nil.
        var maintain: (Maintenance?) -> CommandReport
        /// Opens the log file again.
        var reopenLog: (@escaping (LogReopening) -> Void) -> Void
    }

    let actions: Actions
    let loop: EventLoop
    private let process: ProcessState
    private let environment: [String: String]
    private var setting: Configuration.CommandSocket?
    /// The last warning that the socket cannot be opened; nil if it could be opened since.
    private var warning: String?
    private var sockets: ListenerSet?
    private var listener: ControlListener?
    /// Listeners that accept no more, whose connections go on.
    private var replaced: [ControlListener] = []

    /// - Parameter environment: of the process.
    init(loop: EventLoop, process: ProcessState, environment: [String: String], actions: Actions) {
        self.loop = loop
        self.process = process
        self.environment = environment
        self.actions = actions
    }

    /// Opens the socket of a configuration, unless it is open already; says where it is, or why it cannot be opened.
    ///
    /// Then the earlier one stays, and the next call tries again.
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
        // The connection of the command that has asked for this goes on.
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

    /// Closes the socket and its connections.
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
