// A listener of the control thread, used for the admin listener and for the command socket. It uses the same HTTP
// server as the listeners for clients.
internal import HTTP
internal import Inference
internal import Transport

/// Accepts connections on one socket, and passes their requests to a closure; confined to the control thread.
final class ControlListener: ServerDelegate {
    /// How many connections may be open at once; further connections wait in the kernel's backlog.
    static let connectionsMax = 64

    private let loop: EventLoop
    private let process: ProcessState
    private let environment = HTTP2Environment()
    private let sockets: ListenerSet
    private let handle: (RequestHead, ServerStream, PeerUser?) -> any ServerStreamHandler
    private var settings = ServerSettings()
    private var listener: Listener?
    private var connections: [ObjectIdentifier: (connection: ServerConnection, user: PeerUser?)] = [:]

    /// Begins to accept connections.
    ///
    /// - Parameters:
    ///   - sockets: a set with one socket. The caller closes the set after it has called `close`.
    ///   - admits: returns whether a connection from this address is served; if not, the connection is closed at once.
    ///   - handle: makes the handler of a request. The `PeerUser` is the user at the other end of a unix socket; nil
    ///     for other sockets.
    init(
        loop: EventLoop,
        sockets: ListenerSet,
        process: ProcessState,
        admits: @escaping (SocketAddress) -> Bool = { _ in true },
        handle: @escaping (RequestHead, ServerStream, PeerUser?) -> any ServerStreamHandler
    ) {
        self.loop = loop
        self.sockets = sockets
        self.process = process
        self.handle = handle
        settings.streamsMax = 16
        let listener = Listener(
            loop: loop,
            socket: sockets.sockets(address: 0)[0],
            accepted: { [unowned self] socket, peer in
                if admits(peer) { serve(socket, from: peer) } else { socket.close() }
            },
            exhausted: { _ in }
        )
        listener.takeRoom = { [unowned self] in connections.count < Self.connectionsMax }
        self.listener = listener
    }

    /// The address that the listener is bound to.
    var address: SocketAddress { sockets.addresses[0] }

    /// Stops accepting connections; open connections continue.
    func pause() {
        listener?.pause()
        listener = nil
    }

    /// Stops accepting connections, and closes all open connections.
    func close() {
        pause()
        for connection in Array(connections.values) { connection.connection.close(.edge) }
    }

    private func serve(_ socket: Socket, from peer: SocketAddress) {
        let channel: Channel
        let user = peer.isUnix ? PeerUser(of: socket) : nil
        do throws(SystemError) {
            channel = try Channel.accept(socket, peer: peer, loop: loop)
        } catch {
            process.warn(.adminConnection, "a connection to the admin listener is closed: \(error)")
            return
        }
        let connection = ServerConnection(
            channel: channel,
            settings: settings,
            environment: environment,
            delegate: self
        )
        connections[ObjectIdentifier(connection)] = (connection, user)
        connection.start()
    }

    // MARK: ServerDelegate

    func handler(for head: RequestHead, on stream: ServerStream) -> any ServerStreamHandler {
        handle(head, stream, connections[ObjectIdentifier(stream.connection)]?.user)
    }

    func refusal(status: Int, message: String, on stream: ServerStream) {
        ControlAnswer.send(
            status: status,
            Failure(refusal: status, message).body(.other, requestID: ""),
            on: stream
        )
    }

    func connectionEnded(_ connection: ServerConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if let listener, listener.isWaiting { listener.resume() }
    }
}
