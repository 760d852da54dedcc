// Receives the operator's commands to the running server, on a unix socket of mode 0600. It runs on the control thread.
internal import CLinux
internal import Configuration
internal import HTTP
internal import Inference
internal import Transport

/// Serves HTTP on the command socket; confined to the control thread.
///
/// The socket is a unix socket, because any web page in a browser on this machine could send requests to a TCP socket.
final class CommandServer {
    /// The functions that carry out the commands.
    struct Actions {
        /// Returns why this process now refuses certain commands; nil if it carries them out.
        ///
        /// The commands are the upgrade, and those that drain or resume an executor, set its weight, or begin or end
        /// maintenance.
        var obstacle: () -> String? = { nil }
        /// Reads the configuration again and puts it in force, then calls the closure with the result.
        var reload: (@escaping (ReloadReport) -> Void) -> Void
        /// Reports what a reload of the configuration file at this path would change; nil for the server's own file.
        var rehearse: (_ path: String?) -> ReloadReport
        /// Returns the status of the server at this moment, as JSON.
        var status: () -> [UInt8]
        /// Drains or resumes an executor or changes its weight; throws the reason if the command is invalid.
        var order: (OrderCommand) throws(CommandRequest.Problem) -> ExecutorOrderer.Outcome
        /// Begins the maintenance or changes its message; ends the maintenance if the argument is nil.
        var maintain: (Maintenance?) -> CommandReport
        /// Opens the log file again, then calls the closure with the outcome.
        var reopenLog: (@escaping (LogReopening) -> Void) -> Void
        /// Starts a new process that replaces this one, then calls the closure with the report.
        var upgrade: (@escaping (CommandReport) -> Void) -> Void
    }

    let actions: Actions
    let loop: EventLoop
    private let process: ProcessState
    private let environment: [String: String]
    private var setting: Configuration.CommandSocket?
    /// The last warning that the socket could not be opened; nil if it has been opened since.
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

    /// Opens the command socket that a configuration names, unless it is open already; logs the path or the error.
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
        // The earlier listener keeps its open connections, because the client of one of them may still wait for the
        // answer to `reload`.
        if let listener { replaced.append(listener) }
        listener?.pause()
        listener = nil
        self.sockets?.close()
        serve(on: opened.sockets, setting: wanted)
    }

    private func serve(on opened: ListenerSet?, setting wanted: Configuration.CommandSocket) {
        sockets = opened
        setting = wanted
        guard let sockets else { return }
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

    // MARK: Handing over

    /// The command socket, to be handed to the process that replaces this one; nil if none is open.
    var handed: Handover.ListenerSockets? {
        sockets.map { Handover.ListenerSockets(address: "\($0.addresses[0])", descriptors: $0.descriptors) }
    }

    /// The descriptors of the predecessor's command socket if this process keeps the socket, because the configuration
    /// names the same path; otherwise nil.
    func kept(of handed: Handover.ListenerSockets?, by configuration: Configuration) -> [CInt]? {
        guard let handed, adopted(handed, configuration) != nil else { return nil }
        return handed.descriptors
    }

    /// Takes over the predecessor's command socket if the configuration names its path; otherwise closes it.
    ///
    /// The function must be called before `adopt` is called with the same configuration.
    func inherit(_ handed: Handover.ListenerSockets?, _ configuration: Configuration) {
        guard let handed else { return }
        guard var adopted = adopted(handed, configuration) else {
            for socket in handed.sockets { socket.close() }
            return
        }
        adopted.own()
        serve(on: adopted, setting: configuration.admin.commandSocket)
    }

    private func adopted(_ handed: Handover.ListenerSockets, _ configuration: Configuration) -> ListenerSet? {
        let paths = CommandSocket.paths(configuration.admin.commandSocket, environment: environment)
        let address = paths.lazy.compactMap { SocketAddress(unixPath: $0) }.first { "\($0)" == handed.address }
        return address.flatMap { try? ListenerSet(adopting: handed.sockets, on: $0, isInherited: false) }
    }

    /// Accepts no more commands, because a successor process accepts them; commands under way are still answered.
    ///
    /// - Parameter taken: the descriptors of the sockets that the successor keeps.
    func handOver(_ taken: Set<CInt>) {
        listener?.pause()
        guard let own = sockets else { return }
        if taken.isSuperset(of: own.descriptors) { sockets?.disown() }
        sockets?.close()
        sockets = nil
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
