// A listening socket in a loop: accepts, and pauses when the process has no room for more.
internal import CLinux
internal import Glibc

/// Accepts connections for one worker.
///
/// The socket belongs to the `ListenerSet`; it is not closed here.
package final class Listener: Registered, TimerTarget {
    /// Bounded, so that a storm of connections does not hold the turn.
    private static let acceptsMax = 64

    private let loop: EventLoop
    private let socket: Socket
    private let accepted: (Socket, SocketAddress) -> Void
    private let exhausted: (CInt?) -> Void
    /// Takes room for one connection before it is accepted: while there is none, connections wait in the backlog.
    ///
    /// To accept first and to ask then would reset whoever has come while another thread took the last room.
    package var takeRoom: () -> Bool = { true }
    /// Gives back room for which no connection has come.
    package var returnRoom: () -> Void = {}
    private var registration: SlabKey?
    private var retry: TimerID?

    /// - Parameters:
    ///   - accepted: takes the new socket and the room that was taken for it, non-blocking and with the options of Sockets set.
    ///   - exhausted: accepting pauses for 100 ms, for want of descriptors, memory or watches of the poller (the errno) or of room (nil).
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

    package func pause() {
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        if let registration { loop.unregister(registration, descriptor: socket.descriptor) }
        registration = nil
    }

    package func resume() {
        if let retry { loop.timers.cancel(retry) }
        retry = nil
        guard registration == nil else { return }
        // EPOLLEXCLUSIVE: of the workers that share a unix or inherited socket, one is woken.
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
            accepted(Socket(descriptor: descriptor), peer)
        }
    }

    /// Accepting pauses until a timer, or until it is told to resume.
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
