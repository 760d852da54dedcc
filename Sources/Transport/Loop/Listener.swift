// A listening socket in an event loop. It accepts connections, and pauses while a connection limit, memory or
// descriptors are exhausted.
internal import CLinux
internal import Glibc

/// Accepts connections for one worker.
///
/// Confined to its loop's thread. The socket belongs to the `ListenerSet`, which closes it.
package final class Listener: Registered, TimerTarget {
    /// The maximum number of connections accepted in one turn of the loop, so that a burst of new connections does not
    /// prolong the turn.
    ///
    /// The time for accepting in a turn is limited too (`YieldQueue.slice`).
    private static let acceptsMax = 64
    /// The maximum number of batches of connections that `close` accepts from the socket's backlog.
    ///
    /// A batch has at most `acceptsMax` connections.
    private static let closingTurnsMax = 64

    private let loop: EventLoop
    private let socket: Socket
    private let accepted: (Socket, SocketAddress) -> Void
    private let exhausted: (CInt?) -> Void
    /// Counts one more connection and charges its memory, before the listener accepts the connection.
    ///
    /// The closure returns false, and counts nothing, if a limit is reached. New connections then wait in the backlog
    /// of the socket. The reservation comes before the accept, because other threads reserve too: a connection that was
    /// accepted first might exceed the limit, and would have to be reset.
    package var takeRoom: () -> Bool = { true }
    /// Undoes the count and the charge of `takeRoom`, because the listener could not accept a connection.
    package var returnRoom: () -> Void = {}
    private var registration: SlabKey?
    private var retry: TimerID?
    /// How many connections this listener has accepted.
    private var acceptedCount = 0

    /// - Parameters:
    ///   - accepted: takes over the new socket, and what `takeRoom` has reserved for it, such as memory. The socket is
    ///     non-blocking and has the options of `Sockets.setStreamOptions`.
    ///   - exhausted: called when accepting pauses for 100 ms. Its argument is the errno if descriptors, memory or
    ///     epoll watches are exhausted, and nil if `takeRoom` returned false.
    package init(
        loop: EventLoop,
        socket: Socket,
        accepted: @escaping (Socket, SocketAddress) -> Void,
        exhausted: @escaping (CInt?) -> Void
    ) {
        self.loop = loop
        self.socket = socket
        self.accepted = accepted
        self.exhausted = exhausted
        resume()
    }

    /// Stops accepting until `resume` is called.
    package func pause() {
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        if let registration { loop.unregister(registration, descriptor: socket.descriptor) }
        registration = nil
    }

    /// Starts to accept; does nothing if the listener already accepts.
    package func resume() {
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        guard registration == nil else { return }
        // With EPOLLEXCLUSIVE, a new connection does not wake all workers that share the socket (epoll_ctl(2)).
        let events = clinux_EPOLLIN | clinux_EPOLLEXCLUSIVE
        do throws(SystemError) {
            registration = try loop.register(self, descriptor: socket.descriptor, events: events)
        } catch {
            waitForRoom(error.code)
        }
    }

    /// Handles a failed call of accept.
    ///
    /// - Returns: whether to try the next connection at once.
    private func acceptsOn(after code: CInt) -> Bool {
        returnRoom()
        switch code {
        case ECONNABORTED, EINTR: return true
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            waitForRoom(code)
            return false
        default: return false
        }
    }

    /// Handles epoll's report of new connections: the loop calls `accept` after all other work of the turn.
    func ready(_ events: UInt32) { loop.acceptLater(self) }

    /// Accepts connections until none is left, a limit is reached, or the time `end` of the loop's clock has passed.
    ///
    /// The function tries to accept one connection even if `end` has already passed.
    func accept(until end: Nanoseconds) {
        for index in 0..<Self.acceptsMax where registration != nil {
            if index > 0, loop.clock.now >= end { return }
            guard takeRoom() else {
                waitForRoom(nil)
                return
            }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = unsafe clinux_accept4(socket.descriptor, &storage, &length, clinux_NONBLOCK_CLOEXEC)
            guard descriptor >= 0 else {
                guard acceptsOn(after: errno) else { return }
                continue
            }
            let peer = SocketAddress(storage: storage, length: length)
            if !peer.isUnix { Sockets.setStreamOptions(descriptor) }
            acceptedCount += 1
            accepted(Socket(descriptor: descriptor), peer)
        }
    }

    /// Accepts the connections in the backlog, as far as the limits permit, and then stops accepting.
    ///
    /// When the owner later closes the socket, the kernel resets the connections that are still in the backlog.
    package func close() {
        if registration == nil { resume() }
        for _ in 0..<Self.closingTurnsMax where registration != nil {
            let before = acceptedCount
            accept(until: .max)
            if acceptedCount == before { break }
        }
        pause()
    }

    /// Whether accepting is paused because a limit is reached, or because descriptors or memory are exhausted.
    ///
    /// A timer or a call of `resume` ends the pause.
    package var isWaiting: Bool { retry != nil }

    private func waitForRoom(_ code: CInt?) {
        pause()
        exhausted(code)
        retry = loop.timers.schedule(at: loop.now + 100_000_000, target: self, kind: 0)
    }

    package func timerFired(_ kind: Int) {
        retry = nil
        resume()
    }
}
