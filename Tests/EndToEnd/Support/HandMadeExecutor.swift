import Dispatch
import Foundation
import Glibc

/// An executor whose responses the test writes byte by byte, for responses that the simulated executor cannot give.
final class HandMadeExecutor: Sendable {
    let port: Int
    var url: String { "http://127.0.0.1:\(port)" }

    private let listener: CInt
    private let queue = DispatchQueue(label: "HandMadeExecutor")

    init() throws {
        port = Port.free()
        listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var on: CInt = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        let bound = SocketAddress.loopback(port: port).withPointer { bind(listener, $0, $1) }
        guard bound == 0, listen(listener, 128) == 0 else { throw Unmet("cannot listen on \(port)") }
    }

    deinit { close(listener) }

    /// Waits for the next connection from the server.
    func accept(within limit: Duration = patience) async throws -> RawConnection {
        let socket = await withCheckedContinuation { continuation in
            queue.async { [self] in
                var entry = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                let ready = poll(&entry, 1, CInt(limit / .milliseconds(1)))
                let socket = ready > 0 ? Glibc.accept(listener, nil, nil) : -1
                if socket >= 0 { _ = fcntl(socket, F_SETFD, FD_CLOEXEC) }
                continuation.resume(returning: socket)
            }
        }
        guard socket >= 0 else { throw Unmet("no connection within \(limit)") }
        return RawConnection(adopting: socket)
    }
}

/// A request that the executor has received, divided into its parts.
struct RawRequest: Sendable {
    let line: String
    let fields: [(name: String, value: String)]
    let body: String

    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

extension RawConnection {
    func receiveRequest(within limit: Duration = patience) async throws -> RawRequest {
        let lines = try await receive(until: "\r\n\r\n", within: limit).components(separatedBy: "\r\n")
        let fields = lines.dropFirst().filter { !$0.isEmpty }.map { line in
            let name = line.prefix { $0 != ":" }
            return (name: name.lowercased(), value: String(line.dropFirst(name.count + 1).drop { $0 == " " }))
        }
        let length = fields.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        return RawRequest(line: lines[0], fields: fields, body: try await receive(count: length, within: limit))
    }

    /// Sends the head of a response with an event stream in the chunked coding; `more` is further header lines.
    func sendStreamHead(_ more: String = "") async throws {
        try await send(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\(more)\r\n"
        )
    }

    func sendChunk(_ text: String) async throws {
        try await send(String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n")
    }

    /// Sends a response with a content-length.
    func answer(_ body: String, type: String = "application/json", more: String = "") async throws {
        try await send(
            "HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\ncontent-length: \(body.utf8.count)\r\n\(more)\r\n\(body)"
        )
    }
}

/// A chat completion event with one piece of text; `isLast` adds the finish reason.
func chatEvent(_ text: String, isLast: Bool = false) -> String {
    let reason = isLast ? #""stop""# : "null"
    return
        #"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"demo","choices":[{"index":0,"delta":{"content":"\#(text)"},"finish_reason":\#(reason)}]}"#
        + "\n\n"
}
