// A listening socket in a loop: accepts connections, and pauses when the process has no room for more.
internal import CLinux
internal import Glibc

/// Accepts connections for one worker.
///
/// Confined to its loop. The socket belongs to the `ListenerSet`, which closes it.
package final class Listener: Registered, TimerTarget {
    /// The maximum number of connections accepted in one turn, so that a storm of them does not hold it.
    private static let acceptsMax = 64
    /// The maximum number of such turns in which the backlog of a socket that is to be closed is accepted.
    private static let closingTurnsMax = 64

    private let loop: EventLoop
    private let socket: Socket
    private let accepted: (Socket, SocketAddress) -> Void
    private let exhausted: (CInt?) -> Void
    /// Reserves room for one connection before it is accepted; while it returns false, connections wait in the backlog.
    ///
    /// A listener that accepted first would have to reset a connection when another thread took the last room
    /// meanwhile.
    package var takeRoom: () -> Bool = { true }
    /// Returns room that was reserved when no connection was there to accept.
    package var returnRoom: () -> Void = {}
    private var registration: SlabKey?
    private var retry: TimerID?
    /// How many connections this listener has accepted.
    private var acceptedCount = 0

    /// - Parameters:
    ///   - accepted: takes over the new socket and the room reserved for it. The socket is non-blocking and has the
    ///     options of `Sockets.setStreamOptions`.
    ///   - exhausted: called when accepting pauses for 100 ms: with the errno for lack of descriptors, memory or
    ///     watches of the poller, with nil for lack of room.
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

    /// Stops accepting until `resume`.
    package func pause() {
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        if let registration { loop.unregister(registration, descriptor: socket.descriptor) }
        registration = nil
    }

    /// Accepts from now on; does nothing while it already does.
    package func resume() {
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        guard registration == nil else { return }
        // EPOLLEXCLUSIVE wakes only one of the workers that share a unix socket or an inherited one.
        let events = clinux_EPOLLIN | clinux_EPOLLEXCLUSIVE
        do throws(SystemError) {
            registration = try loop.register(self, descriptor: socket.descriptor, events: events)
        } catch {
            waitForRoom(error.code)
        }
    }

    func ready(_ events: UInt32) {
        for _ in 0..<Self.acceptsMax where registration != nil {
            guard takeRoom() else {
                waitForRoom(nil)
                return
            }
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let descriptor = unsafe clinux_accept4(socket.descriptor, &storage, &length, clinux_NONBLOCK_CLOEXEC)
            guard descriptor >= 0 else {
                let code = errno
                returnRoom()
                if code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM { waitForRoom(code) }
                if code == ECONNABORTED || code == EINTR { continue }
                return
            }
            let peer = SocketAddress(storage: storage, length: length)
            if !peer.isUnix { Sockets.setStreamOptions(descriptor) }
            acceptedCount += 1
            accepted(Socket(descriptor: descriptor), peer)
        }
    }

    /// Accepts the connections that wait in the backlog, as far as there is room for them, and then no more.
    ///
    /// The kernel resets a connection that still waits when its socket is closed.
    package func close() {
        if registration == nil { resume() }
        for _ in 0..<Self.closingTurnsMax where registration != nil {
            let before = acceptedCount
            ready(clinux_EPOLLIN)
            if acceptedCount == before { break }
        }
        pause()
    }

    /// Whether accepting is paused for lack of room, until its timer or a call of `resume`.
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
