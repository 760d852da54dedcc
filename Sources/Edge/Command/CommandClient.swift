// Sends one command to a running server on the same machine, and waits for the answer.
package import HTTP
internal import Inference
package import Transport

/// Sends a command, such as `freeinference reload`, to the running server over its command socket.
package enum CommandClient {
    /// The server's answer to a command.
    package struct Answer: Sendable {
        /// The HTTP status of the answer; 422 if the server has refused the command or failed to carry it out.
        package let status: Int
        /// The body of the answer, which is JSON.
        package let body: [UInt8]
    }

    /// The reason why no server has answered the command, in words for the operator.
    package struct Failure: Error, CustomStringConvertible, Sendable {
        package let description: String
    }

    /// The largest size of an answer's body, in bytes; a larger answer is an error.
    private static let bodyMax = 16 << 20

    /// Sends a command, and blocks until the answer has arrived or the command has failed.
    ///
    /// - Parameters:
    ///   - path: the path and the query of the request.
    ///   - sockets: the paths of the sockets where the server may listen. They are tried in this order,
    ///     until the whole request has been sent to one of them.
    ///   - timeout: how long to wait for the answer at each socket, in nanoseconds.
    package static func send(
        _ method: HTTP.Method,
        _ path: String,
        to sockets: [String],
        timeout: Nanoseconds = 60_000_000_000
    ) throws(Failure) -> Answer {
        var problems: [String] = []
        for socket in sockets {
            guard let address = SocketAddress(unixPath: socket) else {
                problems.append("\(socket): the path is too long")
                continue
            }
            let call = Call(address, timeout: timeout)
            switch call.send(method, path) {
            case .success(let answer): return answer
            case .failure(let failure):
                problems.append("\(socket): \(failure.description)")
                // The server may have carried out the command, so no other server may get it as well.
                if call.hasReached { throw Failure(description: problems.last ?? "") }
            }
        }
        throw Failure(description: problems.joined(separator: "; "))
    }

    /// One request to the command socket.
    ///
    /// The request has its own event loop, because a program that sends a command runs no other event loop.
    private final class Call: ExecutorStreamHandler {
        private let loop = EventLoop()
        private let client: ExecutorClient
        private let timeout: Nanoseconds
        private var status = 0
        private var body: [UInt8] = []
        private var result: Result<Answer, Failure>?
        /// Whether the whole request was sent to the server, which may therefore have carried out the command.
        private(set) var hasReached = false

        init(_ address: SocketAddress, timeout: Nanoseconds) {
            self.timeout = timeout
            let settings = ExecutorClientSettings(
                addresses: AddressBook(address),
                connectTimeout: 2_000_000_000,
                idleTimeout: 1_000_000_000
            )
            client = ExecutorClient(loop: loop, settings: settings)
        }

        func send(_ method: HTTP.Method, _ path: String) -> Result<Answer, Failure> {
            let request = ExecutorRequest(
                method: method,
                target: Array(path.utf8),
                host: Array("localhost".utf8),
                fields: FieldBlock(),
                body: nil
            )
            let stream = client.send(request, handler: self)
            let timer = loop.timers.schedule(
                at: loop.now + timeout,
                target: TimerClosure { [unowned self] in
                    result = .failure(Failure(description: "no answer within \(timeout / 1_000_000_000) s"))
                },
                kind: 0
            )
            while result == nil { loop.turn() }
            loop.timers.cancel(timer)
            stream.cancel()
            client.closeIdle()
            loop.dismantle()
            return result ?? .failure(Failure(description: "no answer"))
        }

        func requestSent() { hasReached = true }
        func responseHead(_ head: ResponseHead, body: ResponseBody) { status = head.status }
        func responseBody(_ bytes: Span<UInt8>) {
            guard body.count + bytes.count <= CommandClient.bodyMax else {
                result = .failure(Failure(description: "the answer is too large"))
                return
            }
            for index in bytes.indices { body.append(bytes[index]) }
        }
        func responseEnded() { if result == nil { result = .success(Answer(status: status, body: body)) } }
        func attemptFailed(_ failure: ExecutorFailure) {
            let text =
                switch failure {
                case .unreachable(let error): SystemError.text(error.code)
                case .connectTimeout: "it does not answer"
                default: "the server has closed the connection without an answer"
                }
            result = .failure(Failure(description: text))
        }
    }
}
