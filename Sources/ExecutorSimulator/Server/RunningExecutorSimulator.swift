// Runs a simulator on its own thread, for the `executor` command, and for tests and benchmarks in the same process.
internal import Glibc
package import Transport

/// A simulator that runs on its own thread until `stop` is called.
package struct RunningExecutorSimulator: Sendable {
    fileprivate enum Command: Sendable { case stop }

    /// The address on which the simulator listens, with the actual port if port 0 was requested.
    package let address: SocketAddress
    private let mailbox: Mailbox<Command>
    private let thread: Thread
    private let sockets: ListenerSet

    fileprivate init(
        listen address: SocketAddress,
        options: ExecutorSimulatorOptions,
        processor: Int?
    ) throws(ListenerSet.Failure) {
        let sockets = try ListenerSet(addresses: [address], workers: 1)
        let mailbox = Mailbox<Command>()
        self.sockets = sockets
        self.mailbox = mailbox
        self.address = sockets.addresses[0]
        thread = Thread(name: "executor") {
            if let processor { Processors.pin(to: processor) }
            let loop = EventLoop()
            let simulator: ExecutorSimulator
            do throws(TLSError) {
                simulator = try ExecutorSimulator(loop: loop, options: options)
            } catch {
                fatalError("checked before: \(error)")
            }
            simulator.serve(on: sockets.sockets(address: 0)[0])
            loop.attach(mailbox) { _ in
                simulator.close()
                loop.stop()
            }
            loop.run()
            loop.dismantle()
        }
    }

    /// Closes all connections, and waits until the thread has ended.
    package func stop() {
        mailbox.post(.stop)
        thread.join()
        sockets.close()
    }
}

extension ExecutorSimulator {
    /// Starts a simulator on its own thread.
    ///
    /// - Parameter processor: the processor to which the thread is pinned; nil to run on any processor.
    /// - Throws: `ListenerSet.Failure` if the simulator cannot listen on the address.
    package static func startThread(
        listen address: SocketAddress,
        options: ExecutorSimulatorOptions = ExecutorSimulatorOptions(),
        processor: Int? = nil
    ) throws(ListenerSet.Failure) -> RunningExecutorSimulator {
        try RunningExecutorSimulator(listen: address, options: options, processor: processor)
    }

    /// Starts a simulator on a free port of the loopback interface.
    package static func startThread(
        options: ExecutorSimulatorOptions = ExecutorSimulatorOptions()
    ) throws(ListenerSet.Failure) -> RunningExecutorSimulator {
        try startThread(listen: SocketAddress(numeric: "127.0.0.1", port: 0)!, options: options)
    }

    /// Runs a simulator until SIGTERM or SIGINT.
    ///
    /// Reports its address on stderr when it is ready.
    ///
    /// The main thread must call this function before other threads start. The function blocks the two signals, and
    /// only threads that start later inherit the block.
    package static func runUntilSignal(
        listen address: SocketAddress,
        options: ExecutorSimulatorOptions,
        processor: Int?
    ) throws(ListenerSet.Failure) {
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe sigaddset(&signals, SIGTERM)
        unsafe sigaddset(&signals, SIGINT)
        unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
        Sockets.raiseDescriptorLimit()
        let running = try startThread(listen: address, options: options, processor: processor)
        say("freeinference: executor ready on \(running.address)\n")
        var signal: CInt = 0
        unsafe sigwait(&signals, &signal)
        running.stop()
    }

    private static func say(_ line: String) {
        let bytes = Array(line.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
