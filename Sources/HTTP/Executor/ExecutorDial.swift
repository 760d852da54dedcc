// A connection to an executor on its way: addresses tried in turn, then TLS; and who waits for it.
internal import Transport

/// Ends in an open channel, which it hands over with those who wait, or in a failure for all of them.
final class ExecutorDial: ChannelHandler, TimerTarget, AttemptCarrier {
    /// Of an executor with many addresses so many are tried for one connection.
    private static let addressesMax = 4

    private let client: ExecutorClient
    private(set) var waiting: [ExecutorAttempt] = []
    private var untried: [SocketAddress] = []
    private var channel: Channel?
    private var deadline = Deadline()
    private var lastFailure = ExecutorFailure.unresolved
    private var isOver = false

    init(client: ExecutorClient) {
        self.client = client
        untried = Array(client.settings.addresses.addresses().prefix(Self.addressesMax))
    }

    func join(_ attempt: ExecutorAttempt) {
        waiting.append(attempt)
        attempt.carrier = self
    }

    /// To be called once, when somebody waits.
    func start() {
        guard !connectNext() else { return }
        // It is told later, not inside the call of whoever wants to send.
        for attempt in take() { attempt.failLater(lastFailure) }
    }

    /// - Returns: false when there is no address left to try.
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
                // No fault of this address, and the next one has no better chance.
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

    /// It hands over before any bytes come.
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

    /// It is over: lets go of everything, and of those who wait.
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

    /// The last one who waited takes the connection with it.
    func cancel(_ attempt: ExecutorAttempt) {
        waiting.removeAll { $0 === attempt }
        if waiting.isEmpty { _ = take() }
    }
}
