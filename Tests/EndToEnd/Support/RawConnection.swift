import Dispatch
import Foundation
import Glibc
import Synchronization

/// A TCP or unix socket whose every byte the test sends and reads itself.
///
/// Waiting blocks a separate queue, never the threads that run the tests' tasks.
final class RawConnection: Sendable {
    /// Why no more bytes arrive.
    enum Ending: Sendable, Equatable {
        case closed
        case reset
    }

    private let descriptor: Mutex<CInt>
    private let received = Mutex<[UInt8]>([])
    private let queue = DispatchQueue(label: "RawConnection")

    init(to address: SocketAddress) async throws {
        let socket = socket(address.family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        descriptor = Mutex(socket)
        let code = address.withPointer { connect(socket, $0, $1) == 0 ? 0 : errno }
        guard code == 0 else {
            close()
            throw Unmet("cannot connect to \(address): \(String(cString: strerror(code)))")
        }
        var on: CInt = 1
        setsockopt(socket, CInt(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Makes a connection of an accepted socket, and closes the socket in the end.
    init(adopting socket: CInt) { descriptor = Mutex(socket) }

    deinit { close() }

    convenience init(port: Int) async throws { try await self.init(to: .loopback(port: port)) }

    /// Shrinks the receive buffer before the first read, so that a paused reader soon blocks the sender.
    func shrinkReceiveBuffer(to bytes: CInt) {
        var size = bytes
        setsockopt(
            descriptor.withLock { $0 },
            SOL_SOCKET,
            SO_RCVBUF,
            &size,
            socklen_t(MemoryLayout<CInt>.size)
        )
    }

    func send(_ text: String, within limit: Duration = patience) async throws {
        try await send(Array(text.utf8), within: limit)
    }

    /// Sends the bytes; throws if the peer has closed, or takes nothing within `limit`.
    func send(_ bytes: [UInt8], within limit: Duration = patience) async throws {
        try await onQueue { [self] in
            let socket = descriptor.withLock { $0 }
            let deadline = ContinuousClock.now + limit
            var sent = 0
            while sent < bytes.count {
                guard Self.wait(socket, for: POLLOUT, until: deadline) else { throw Unmet("cannot send: timed out") }
                let count = bytes[sent...].withUnsafeBytes {
                    Glibc.send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL | MSG_DONTWAIT))
                }
                if count < 0, errno == EAGAIN || errno == EINTR { continue }
                guard count > 0 else { throw Unmet("cannot send: \(String(cString: strerror(errno)))") }
                sent += count
            }
        }
    }

    /// Receives up to and including `mark`; later bytes stay for the next call.
    func receive(until mark: String, within limit: Duration = patience) async throws -> String {
        let mark = Data(mark.utf8)
        let taken = try await gather(within: limit) { bytes in
            Data(bytes).range(of: mark).map { $0.upperBound }
        }
        guard let taken else { throw Unmet("ended before \(String(decoding: mark, as: UTF8.self)): \(pending)") }
        return taken
    }

    func receive(count: Int, within limit: Duration = patience) async throws -> String {
        let taken = try await gather(within: limit) { $0.count >= count ? count : nil }
        guard let taken else { throw Unmet("ended before \(count) bytes: \(pending)") }
        return taken
    }

    /// Receives everything until the peer closes or resets the connection; `ending` says which of them.
    func receiveToEnd(within limit: Duration = patience) async throws -> (text: String, ending: Ending) {
        let ending = Mutex(Ending.closed)
        _ = try await gather(within: limit, ended: { why in ending.withLock { $0 = why } }) { _ in nil }
        let text = pending
        received.withLock { $0.removeAll() }
        return (text, ending.withLock { $0 })
    }

    /// Receives one HTTP/1.1 response.
    ///
    /// Its body ends by its content-length, by its last chunk, or with the connection. With `head` it has no body.
    func receiveAnswer(head: Bool = false, within limit: Duration = patience) async throws -> RawAnswer {
        let text = try await receive(until: "\r\n\r\n", within: limit)
        var answer = try RawAnswer(head: text)
        if head || answer.status < 200 || answer.status == 204 || answer.status == 304 { return answer }
        if answer["transfer-encoding"]?.lowercased() == "chunked" {
            while true {
                let line = try await receive(until: "\r\n", within: limit)
                let digits = line.prefix { $0.isHexDigit }
                guard let size = Int(digits, radix: 16) else { throw Unmet("a chunk begins with \(line)") }
                if size == 0 { break }
                answer.body += try await receive(count: size, within: limit)
                _ = try await receive(until: "\r\n", within: limit)
            }
            _ = try await receive(until: "\r\n", within: limit)
        } else if let length = answer["content-length"].flatMap({ Int($0) }) {
            answer.body = try await receive(count: length, within: limit)
        } else {
            answer.body = try await receiveToEnd(within: limit).text
        }
        return answer
    }

    /// Sends a FIN; the connection can still receive.
    func finishSending() { _ = shutdown(descriptor.withLock { $0 }, CInt(SHUT_WR)) }

    /// Closes the connection with a FIN.
    func close() {
        descriptor.withLock { socket in
            if socket >= 0 { _ = Glibc.close(socket) }
            socket = -1
        }
    }

    /// Closes the connection with a TCP reset.
    func reset() {
        var immediately = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor.withLock { $0 },
            SOL_SOCKET,
            SO_LINGER,
            &immediately,
            socklen_t(MemoryLayout<linger>.size)
        )
        close()
    }

    private var pending: String { received.withLock { String(decoding: $0, as: UTF8.self) } }

    /// Reads until `end` returns the length of the wanted part; removes and returns that part.
    ///
    /// Returns nil if the connection ends before the part is complete.
    private func gather(
        within limit: Duration,
        ended: @escaping @Sendable (Ending) -> Void = { _ in },
        _ end: @escaping @Sendable ([UInt8]) -> Int?
    ) async throws -> String? {
        try await onQueue { [self] in
            let socket = descriptor.withLock { $0 }
            let deadline = ContinuousClock.now + limit
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let taken = received.withLock { bytes -> String? in
                    guard let count = end(bytes) else { return nil }
                    defer { bytes.removeFirst(count) }
                    return String(decoding: bytes.prefix(count), as: UTF8.self)
                }
                if let taken { return taken }
                guard Self.wait(socket, for: POLLIN, until: deadline) else {
                    throw Unmet("nothing more came within \(limit); so far: \(pending)")
                }
                let count = buffer.withUnsafeMutableBytes { recv(socket, $0.baseAddress, $0.count, 0) }
                if count < 0, errno == EINTR { continue }
                if count <= 0 {
                    ended(count == 0 ? .closed : .reset)
                    return nil
                }
                received.withLock { $0.append(contentsOf: buffer.prefix(count)) }
            }
        }
    }

    private func onQueue<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: work)) }
        }
    }

    private static func wait(_ socket: CInt, for events: CInt, until deadline: ContinuousClock.Instant) -> Bool {
        while true {
            let left = (deadline - ContinuousClock.now) / .milliseconds(1)
            guard left > 0 else { return false }
            var entry = pollfd(fd: socket, events: Int16(events), revents: 0)
            let ready = poll(&entry, 1, CInt(left.rounded(.up)))
            if ready > 0 { return true }
            if ready < 0, errno != EINTR { return true }
        }
    }
}

/// An HTTP/1.1 response as it was received.
struct RawAnswer: Sendable {
    let statusLine: String
    let status: Int
    let fields: [(name: String, value: String)]
    var body = ""

    init(head: String) throws {
        let lines = head.components(separatedBy: "\r\n").filter { !$0.isEmpty }
        let parts = (lines.first ?? "").split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, let status = Int(parts[1]) else { throw Unmet("not an answer's head: \(head)") }
        statusLine = lines[0]
        self.status = status
        fields = lines.dropFirst().map { line in
            let name = line.prefix { $0 != ":" }
            return (name.lowercased(), line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces))
        }
    }

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    var json: JSON { get throws { try JSON(parsing: body) } }
}
