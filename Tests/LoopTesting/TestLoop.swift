// An event loop for tests: the test calls each turn, and sets the clock.
import CLinux
import Glibc
package import Transport

package final class TestLoop {
    package let clock = ManualClock()
    package let loop: EventLoop
    private var listeners: [Listener] = []
    private var sockets: [Socket] = []

    package init(gather: Gather = .off, poller: PollerChoice = .auto) {
        loop = EventLoop(clock: .manual(clock), gather: gather, poller: poller)
    }

    deinit {
        loop.dismantle()
        for socket in sockets { socket.close() }
    }

    /// Turns the loop 12 times, which is enough for all pending events of a loopback connection.
    package func settle(_ peers: Peer...) {
        for _ in 0..<12 {
            loop.turn(waitMax: 0)
            for peer in peers { peer.poll() }
        }
    }

    /// Turns the event loop until `condition` holds.
    ///
    /// - Returns: False if `condition` does not hold after 4000 turns.
    @discardableResult
    package func run(_ peers: Peer..., until condition: () -> Bool) -> Bool {
        for _ in 0..<4000 {
            if condition() { return true }
            loop.turn(waitMax: 1)
            for peer in peers { peer.poll() }
        }
        return condition()
    }

    /// Advances the clock by `duration`, then turns the loop 12 times so that due timers fire.
    package func pass(_ duration: Nanoseconds, _ peers: Peer...) {
        clock.advance(by: duration)
        for _ in 0..<12 {
            loop.turn(waitMax: 0)
            for peer in peers { peer.poll() }
        }
    }

    /// Listens on a free port of 127.0.0.1 and returns its address.
    package func listen(_ accepted: @escaping (Socket, SocketAddress) -> Void) throws -> SocketAddress {
        let socket = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
        sockets.append(socket)
        listeners.append(Listener(loop: loop, socket: socket, accepted: accepted, exhausted: { _ in }))
        return Sockets.localAddress(of: socket)!
    }

    /// Opens a TCP connection over loopback: the socket is for a channel in the loop, and the peer is the test's end.
    package func tcp(receiveBuffer: CInt? = nil) throws -> (socket: Socket, peer: Peer) {
        var socket: Socket?
        let address = try listen { accepted, _ in socket = accepted }
        let peer = Peer(to: address, receiveBuffer: receiveBuffer)
        run { socket != nil }
        return (socket!, peer)
    }
}

package let second: Nanoseconds = 1_000_000_000

/// An address at which nothing listens, so that a connection attempt is refused.
package func refusingAddress() throws -> SocketAddress {
    let socket = try Sockets.listen(on: SocketAddress(numeric: "127.0.0.1", port: 0)!, shared: false)
    defer { socket.close() }
    return Sockets.localAddress(of: socket)!
}

/// Creates a new directory under `/tmp` and returns its path.
package func temporaryDirectory() -> String {
    var template = Array("/tmp/freeinference-test-XXXXXX".utf8CString)
    return String(cString: mkdtemp(&template))
}
