/// The simulated executor (`freeinference executor`) in its own process.
final class Executor: Sendable {
    let process: ChildProcess
    let address: SocketAddress

    /// The executor's URL in a configuration.
    var url: String {
        switch address {
        case .loopback(let port): "http://127.0.0.1:\(port)"
        case .host(let host, let port): "http://\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    private init(process: ChildProcess, address: SocketAddress) {
        self.process = process
        self.address = address
    }

    /// Starts an executor on a free port, or on `address`, with further arguments of `freeinference executor`.
    static func start(
        _ arguments: [String] = [],
        at address: SocketAddress? = nil,
        in scratch: Scratch
    ) async throws -> Executor {
        let address = address ?? .loopback(port: Port.free())
        let listen =
            switch address {
            case .loopback(let port): "127.0.0.1:\(port)"
            case .host(let host, let port): "\(host):\(port)"
            case .unix(let path): "unix:\(path)"
            }
        let process = try await ChildProcess.start(
            Repository.executorBinary,
            ["executor", "--listen", listen] + arguments,
            in: scratch
        )
        let executor = Executor(process: process, address: address)
        do {
            _ = try await eventually("the executor") {
                guard process.isRunning else { throw Unmet("the executor ended: \(process.errors)") }
                return try? await executor.get("/health")
            }
        } catch {
            try await process.stop()
            throw error
        }
        return executor
    }

    /// The executor's counters so far: `running`, `finished`, `aborted`, `emitted`.
    func counters() async throws -> JSON { try await get("/simulator/counters").json }

    /// Waits until a counter is at least `value`, and returns the time at which that was seen.
    @discardableResult
    func counter(
        _ name: String,
        reaches value: Int,
        within limit: Duration = patience
    ) async throws -> ContinuousClock.Instant {
        var last = JSON.null
        do {
            return try await eventually("\(name) = \(value)", within: limit, every: .milliseconds(1)) {
                last = try await counters()
                return last[name].int.map { $0 >= value } == true ? ContinuousClock.now : nil
            }
        } catch {
            throw Unmet("\(error); counters: \(last)")
        }
    }

    /// Sends a GET request directly to the executor, without the server.
    @discardableResult
    func get(_ path: String) async throws -> RawAnswer {
        let connection = try await RawConnection(to: address)
        defer { connection.close() }
        try await connection.send("GET \(path) HTTP/1.1\r\nhost: executor\r\nconnection: close\r\n\r\n")
        return try await connection.receiveAnswer()
    }
}

/// Runs `body` with a new executor and stops the executor afterwards, also after an error.
func withExecutor<Answer>(
    _ arguments: [String] = [],
    at address: SocketAddress? = nil,
    _ body: (Executor) async throws -> Answer
) async throws -> Answer {
    let scratch = try Scratch()
    defer { scratch.remove() }
    let executor = try await Executor.start(arguments, at: address, in: scratch)
    do {
        let answer = try await body(executor)
        try await executor.process.stop()
        return answer
    } catch {
        try await executor.process.stop()
        throw error
    }
}
