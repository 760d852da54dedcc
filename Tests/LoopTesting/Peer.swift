// The test's end of a connection: a plain non-blocking socket, whose every byte the test sends and reads itself.
import CLinux
import Glibc
package import Transport

package final class Peer {
    package enum End: Equatable { case closed, reset }

    package let descriptor: CInt
    package var received: [UInt8] = []
    package private(set) var end: End?
    package private(set) var isOpen = true
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    package init(descriptor: CInt) {
        self.descriptor = descriptor
        _ = clinux_set_nonblocking(descriptor)
    }

    deinit { close() }

    /// The type of the sockets, with SOCK_CLOEXEC: a program that another test starts meanwhile must not keep them
    /// open.
    private static var kind: CInt { CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue) }

    /// Connects, and blocks until the connection is established.
    ///
    /// - Parameter receiveBuffer: SO_RCVBUF in bytes, for tests of a slow reader; nil keeps the system's default.
    package convenience init(to address: SocketAddress, receiveBuffer: CInt? = nil) {
        let descriptor = socket(address.family, Self.kind, 0)
        if let receiveBuffer { _ = clinux_set_integer_option(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        if !address.isUnix { _ = clinux_set_integer_option(descriptor, clinux_IPPROTO_TCP, TCP_NODELAY, 1) }
        var storage = address.storage
        let result = clinux_connect(descriptor, &storage, address.length)
        precondition(result == 0, "connect: \(errno)")
        self.init(descriptor: descriptor)
    }

    /// Two connected unix sockets: the loop gets the first, the test the second.
    package static func pair() -> (socket: Socket, peer: Peer) {
        var descriptors: [CInt] = [0, 0]
        let result = socketpair(AF_UNIX, Self.kind, 0, &descriptors)
        precondition(result == 0)
        _ = clinux_set_nonblocking(descriptors[0])
        return (Socket(descriptor: descriptors[0]), Peer(descriptor: descriptors[1]))
    }

    package var text: String { String(decoding: received, as: UTF8.self) }

    /// Sends as many bytes as the socket's send buffer takes.
    ///
    /// - Returns: The number of bytes that were taken. After `close` it is 0, because the descriptor may belong to
    ///   another file by then.
    @discardableResult
    package func send(_ bytes: [UInt8]) -> Int {
        guard isOpen else { return 0 }
        let count = Glibc.send(descriptor, bytes, bytes.count, clinux_MSG_NOSIGNAL)
        return max(0, count)
    }
    @discardableResult
    package func send(_ text: String) -> Int { send(Array(text.utf8)) }

    /// Receives the bytes that have arrived, at most `limit`.
    package func poll(limit: Int = .max) {
        var left = limit
        while isOpen, end == nil, left > 0 {
            let count = recv(descriptor, &buffer, min(buffer.count, left), 0)
            if count > 0 {
                received += buffer[..<count]
                left -= count
            } else if count == 0 {
                end = .closed
            } else {
                if errno == ECONNRESET { end = .reset }
                return
            }
        }
    }

    package func take() -> [UInt8] {
        defer { received = [] }
        return received
    }

    package func shutdown() { if isOpen { _ = Glibc.shutdown(descriptor, CInt(SHUT_WR)) } }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        _ = Glibc.close(descriptor)
    }

    package func reset() {
        guard isOpen else { return }
        _ = clinux_set_linger(descriptor, 0)
        close()
    }
}
