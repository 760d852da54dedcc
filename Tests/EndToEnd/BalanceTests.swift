import Glibc
import Testing

/// Connections are spread evenly over the workers, whichever worker accepts them.
@Suite struct BalanceTests {
    /// Idle connections are spread evenly over two workers.
    ///
    /// A health request on each connection shows that a worker has accepted it. By chance alone, eight connections
    /// would be spread evenly in one of four rounds, but not in five rounds in a row.
    @Test func connectionsAtRestAreSpreadEvenly() async throws {
        let configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: "workers: 2")
        try await withServer(configuration) { server in
            var connections: [RawConnection] = []
            for round in 1...5 {
                for _ in 0..<8 {
                    let connection = try await server.connect()
                    try await connection.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
                    try await expect(connection.receiveAnswer()) { $0.status == 200 }
                    connections.append(connection)
                }
                let seen = try server.process.acceptedConnectionsByLoop(at: .loopback(port: configuration.clear))
                #expect(seen.count == 2)
                #expect(seen.reduce(0, +) == 8 * round)
                // The counts of the two workers may differ by one or two, and with many connections by a quarter.
                let (least, most) = (seen.min() ?? 0, seen.max() ?? 0)
                #expect(most <= least + max(1, least / 4 + 1), "round \(round): \(seen)")
                if round == 1 { #expect(seen == [4, 4]) }
            }
        }
    }

    /// Connections with running streams are spread evenly over the workers.
    ///
    /// The stream of each connection is running before the next connection is opened.
    @Test func connectionsWithStreamsAreSpreadEvenly() async throws {
        try await withServer(executor: ["--prefill", "5ms"], settings: "workers: 2") { server, executor in
            let port = server.configuration.clear
            for _ in 0..<3 {
                var connections: [RawConnection] = []
                let body = chat(tokens: 100_000, more: #""simulator":{"pace":20}"#)
                for _ in 0..<8 {
                    let connection = try await server.connect()
                    try await connection.send(
                        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                    )
                    _ = try await connection.receive(until: "emitted_ns")
                    connections.append(connection)
                }
                try expect(server.process.acceptedConnectionsByLoop(at: .loopback(port: port))) { $0 == [4, 4] }
                for connection in connections { connection.close() }
                _ = try await eventually("their end") {
                    let count = try server.process.acceptedConnectionsByLoop(at: .loopback(port: port)).reduce(0, +)
                    let running = try await executor.counters().running.int
                    return count == 0 && running == 0 ? true : nil
                }
            }
        }
    }

    /// Four connections with many streams open at once, as from OpenRouter or Cloudflare, and each worker gets two.
    @Test(arguments: [true, false])
    func fourHeavyConnectionsAreSpreadEvenly(secure: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(executor: ["--prefill", "5ms"], settings: "workers: 2") { server, executor in
            let body = try scratch.write(chat(tokens: 100_000, more: #""simulator":{"pace":5}"#), to: "body.json")
            let port = secure ? server.configuration.tls : server.configuration.clear
            let url = (secure ? server.tls : server.clear) + "/v1/chat/completions"
            let load = ["-n", "100", "-c", "4", "-m", "25", "-d", body, "-H", "content-type: application/json", url]
            var evenRounds = 0
            for round in 1...9 where evenRounds < 3 {
                // A worker publishes its load every 250 ms. After one second, the published loads no longer contain
                // any of the earlier round's streams.
                try await Task.sleep(for: .seconds(1))
                let start = ContinuousClock.now
                let clients = try await ChildProcess.start("h2load", load, in: scratch)
                try await executor.counter("running", reaches: 100)
                let took = ContinuousClock.now - start
                let seen = try server.process.acceptedConnectionsByLoop(at: .loopback(port: port))
                // On a busy machine, the four connections may arrive one by one. A worker may then publish its load
                // when a connection has opened only some of its streams. So an uneven spread is allowed then.
                #expect(seen == [2, 2] || took > .milliseconds(250), "round \(round): \(seen)")
                evenRounds += seen == [2, 2] ? 1 : 0
                try await clients.stop(within: .zero)
                _ = try await eventually("their end") {
                    try await executor.counters().running.int == 0 ? true : nil
                }
                try await expect(executor.counters().aborted.int, is: 100 * round)
            }
            #expect(evenRounds == 3)
        }
    }

    /// All workers accept on a unix socket.
    ///
    /// The worker that accepts a connection may pass it on to another one.
    @Test func aSharedListenerIsSpreadEvenlyToo() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let path = scratch.file("server.sock")
        let yaml = """
            workers: 2
            drain_timeout: 1s
            listeners: [{address: "unix:\(path)"}]
            admin: {address: 127.0.0.1:\(Port.free())}
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        try await withServer(Configuration(), yaml: yaml) { server in
            var connections: [RawConnection] = []
            for _ in 0..<8 {
                let connection = try await RawConnection(to: .unix(path: path))
                try await connection.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
                try await expect(connection.receiveAnswer()) { $0.status == 200 }
                connections.append(connection)
            }
            try expect(server.process.acceptedConnectionsByLoop(at: .unix(path: path))) { $0 == [4, 4] }
        }
    }

    @Test func whatTheWorkersHaveIsSummed() async throws {
        try await withServer(executor: ["--prefill", "5ms"], settings: "workers: 2\ndrain_timeout: 1s") { server, _ in
            var connections: [RawConnection] = []
            let body = chat(tokens: 100_000, more: #""simulator":{"pace":20}"#)
            for _ in 0..<3 {
                let connection = try await server.connect()
                try await connection.send(
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                )
                _ = try await connection.receive(until: "emitted_ns")
                connections.append(connection)
            }
            connections.append(try await server.connect())
            _ = try await eventually("the fourth") {
                let port = server.configuration.clear
                return try server.process.acceptedConnectionsByLoop(at: .loopback(port: port)) == [2, 2] ? true : nil
            }
            server.process.signal(SIGTERM)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            #expect(server.process.errors.contains("draining 3 exchanges on 4 connections for up to 1 s"))
        }
    }

    /// Connections that arrive while the server begins to drain do not delay the end of the server.
    ///
    /// A worker may accept such a connection before it has been told to drain.
    @Test func connectionsThatComeInADrainEndWithIt() async throws {
        for _ in 0..<5 {
            let settings = "workers: 2\ndrain_timeout: 600s"
            let configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: settings)
            try await withServer(configuration) { server in
                var connections: [RawConnection] = []
                for number in 0..<40 {
                    if number == 20 { server.process.signal(SIGTERM) }
                    if let connection = try? await server.connect() { connections.append(connection) }
                }
                #expect(connections.count >= 20)
                let status = try await server.process.ending()
                #expect(status == .exited(0))
            }
        }
    }
}
