// Opens a connection to an executor: tries the addresses in turn, and performs the TLS handshake.
internal import Transport

/// One connection that is being opened, and the attempts that wait for it.
///
/// If the dial succeeds, it passes the open channel and the attempts to its `ExecutorClient`. If the dial fails, all
/// its attempts fail. A dial is used only by its worker thread.
final class ExecutorDial: ChannelHandler, TimerTarget, AttemptCarrier {
    /// How many addresses are tried, at most, to open one connection.
    private static let addressesMax = 4

    private let client: ExecutorClient
    private(set) var waiting: [ExecutorAttempt] = []
    private var untried: [SocketAddress] = []
    private var channel: Channel?
    private var deadline = Deadline()
    /// The failure of the most recently tried address; `.unresolved` if no address has been tried.
    private var lastFailure = ExecutorFailure.unresolved
    private var isOver = false

    init(client: ExecutorClient) {
        self.client = client
        untried = Array(client.settings.addresses.addresses().prefix(Self.addressesMax))
    }

    /// Adds an attempt that waits for the connection.
    func join(_ attempt: ExecutorAttempt) {
        waiting.append(attempt)
        attempt.carrier = self
    }

    /// Begins to connect.
    ///
    /// This function is called once, after the first attempt has joined.
    func start() {
        guard !connectNext() else { return }
        // The failure is reported later, because `ExecutorClient.send` has not returned the stream to its caller yet.
        for attempt in take() { attempt.failLater(lastFailure) }
    }

    /// Begins to connect to the next address.
    ///
    /// - Returns: false if all addresses have been tried, or if every further address would fail for the same reason.
    private func connectNext() -> Bool {
        while !untried.isEmpty {
            let address = untried.removeFirst()
            do {
                let tls = try client.makeTLS()
                let channel = try Channel.connect(to: address, loop: client.loop, tls: tls)
                self.channel = channel
                channel.account = client.environment.account
                channel.attach(self)
                deadline.set(
                    client.loop.now + client.settings.connectTimeout,
                    on: client.loop,
                    target: self,
                    kind: 0
                )
                return true
            } catch let error as SystemError {
                lastFailure = .unreachable(error)
                // The process has no free file descriptors, so the next address would fail for the same reason.
                if error.isOutOfDescriptors { return false }
                client.settings.addresses.failed(address)
            } catch {
                lastFailure = .tls(error as? TLSError ?? TLSError(.configuration, "\(error)"))
                return false
            }
        }
        return false
    }

    // MARK: The channel

    func channelOpened(_ channel: Channel) {
        guard channel === self.channel, !isOver else { return }
        client.settings.addresses.worked(channel.peer)
        if client.settings.version == .http2, channel.isSecure, !channel.negotiatedHTTP2 {
            fail(.noHTTP2)
            return
        }
        isOver = true
        deadline.cancel(on: client.loop)
        self.channel = nil
        let all = waiting
        waiting = []
        client.connected(channel, by: self, for: all)
    }

    func channel(_ channel: Channel, ended end: ChannelEnd) {
        guard channel === self.channel else { return }
        switch end {
        case .failed(let error): tryNext(after: .unreachable(error))
        case .tls(let error) where error.isNoCommonProtocol && client.settings.version == .http2: fail(.noHTTP2)
        case .tls(let error): fail(.tls(error))
        case .closed:
            let words = "the executor closed the connection in the TLS handshake"
            tryNext(after: channel.isSecure ? .tls(TLSError(.handshake, words)) : .closedBeforeHead)
        }
    }

    /// Never called, because `channelOpened` passes the channel to an HTTP connection before bytes arrive.
    func channel(_ channel: Channel, received bytes: Span<UInt8>) {}
    func channelFlush(_ channel: Channel, into scratch: Scratch) {}
    func channelDrained(_ channel: Channel) {}
    func channelReleased(_ channel: Channel) {}

    func timerFired(_ kind: Int) {
        guard deadline.fired(on: client.loop, target: self, kind: kind), !isOver else { return }
        tryNext(after: .connectTimeout)
    }

    // MARK: Ends

    private func tryNext(after failure: ExecutorFailure) {
        lastFailure = failure
        if let channel {
            client.settings.addresses.failed(channel.peer)
            channel.close()
        }
        channel = nil
        deadline.clear()
        if !connectNext() { fail(lastFailure) }
    }

    private func fail(_ failure: ExecutorFailure) {
        for attempt in take() { attempt.failed(failure) }
    }

    /// Gives up opening the connection, and closes its channel.
    ///
    /// - Returns: the attempts that waited for the connection.
    private func take() -> [ExecutorAttempt] {
        guard !isOver else { return [] }
        isOver = true
        deadline.cancel(on: client.loop)
        channel?.close()
        channel = nil
        client.lost(self)
        let all = waiting
        waiting = []
        return all
    }

    // MARK: AttemptCarrier

    func setReading(_ reading: Bool) {}
    func setReadLimit(_ bytes: Int) {}

    /// Removes an attempt that waits for the connection.
    ///
    /// If no other attempt waits for the connection, the dial gives up and closes its channel.
    func cancel(_ attempt: ExecutorAttempt) {
        waiting.removeAll { $0 === attempt }
        if waiting.isEmpty { _ = take() }
    }
}
