// A listening socket in an event loop, which accepts connections and pauses while the process has no room for more.
internal import CLinux
internal import Glibc

/// Accepts connections for one worker.
///
/// Confined to its loop's thread. The socket belongs to the `ListenerSet`, which closes it.
package final class Listener: Registered, TimerTarget {
    /// The maximum number of connections accepted in one turn of the loop, in addition to the limit of time
    /// (`YieldQueue.slice`).
    private static let acceptsMax = 64
    /// The maximum number of batches, of `acceptsMax` connections each, that `close` accepts from the socket's backlog.
    private static let closingTurnsMax = 64

    private let loop: EventLoop
    private let socket: Socket
    private let accepted: (Socket, SocketAddress) -> Void
    private let exhausted: (CInt?) -> Void
    /// Reserves room for one connection before the listener accepts it.
    ///
    /// If the closure returns false, connections wait in the backlog of the socket.
    ///
    /// Another thread can take the last room at any time. So a connection that is accepted before its room is reserved
    /// might have to be reset.
    package var takeRoom: () -> Bool = { true }
    /// Returns the reserved room, because there was no connection to accept.
    package var returnRoom: () -> Void = {}
    private var registration: SlabKey?
    private var retry: TimerID?
    /// How many connections this listener has accepted.
    private var acceptedCount = 0

    /// - Parameters:
    ///   - accepted: takes over the new socket and the room reserved for it. The socket is non-blocking and has the
    ///     options of `Sockets.setStreamOptions`.
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

    /// Connections have come; the loop calls `accept` after all other work of the turn.
    func ready(_ events: UInt32) { loop.acceptLater(self) }

    /// Accepts connections until there are no more, or until `end` by the loop's clock, but at least one.
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

    /// Accepts the connections in the backlog, as far as there is room for them, and then stops accepting.
    ///
    /// Connections that stay in the backlog are reset by the kernel when the socket is closed.
    package func close() {
        if registration == nil { resume() }
        for _ in 0..<Self.closingTurnsMax where registration != nil {
            let before = acceptedCount
            accept(until: .max)
            if acceptedCount == before { break }
        }
        pause()
    }

    /// Whether accepting is paused for lack of room or descriptors.
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
