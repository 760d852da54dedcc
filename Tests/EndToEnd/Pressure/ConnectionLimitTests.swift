import Foundation
import Testing

/// At `max_connections`, or without free descriptors, accepting pauses: open connections stay, and waiting ones get
/// their turn.
@Suite struct ConnectionLimitTests {
    @Test(arguments: [1, 2])
    func acceptingPausesAtTheLimitAndResumes(workers: Int) async throws {
        let settings = "max_connections: 6\nworkers: \(workers)"
        try await withServer(settings: settings) { server, executor in
            try await exhaust(server, executor, idle: 5)
        }
    }

    @Test(arguments: [1, 2])
    func acceptingPausesWithoutDescriptorsAndResumes(workers: Int) async throws {
        try await withExecutor { executor in
            let configuration = Configuration(executors: [executor.url], settings: "workers: \(workers)")
            try await withServer(configuration, launcher: ["prlimit", "--nofile=64:64"]) { server in
                try await exhaust(server, executor, idle: nil)
            }
        }
    }

    /// A worker accepts a connection only after it has counted it towards `max_connections`.
    ///
    /// So no connection is accepted and then reset, although eight workers share the limit.
    @Test func nobodyIsResetAtTheLimit() async throws {
        try await withServer(settings: "max_connections: 6\nworkers: 8") { server, _ in
            let answers = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        var answers = 0
                        for _ in 0..<15 {
                            let client = try await server.connect()
                            try await client.send("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
                            let answer = try await client.receiveAnswer(within: .seconds(60))
                            client.close()
                            answers += answer.status == 200 ? 1 : 0
                        }
                        return answers
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(answers == 16 * 15)
        }
    }

    /// Whether the connection's health request gets a response; false once the server warns that it has no room.
    private func isIn(_ connection: RawConnection, unless why: String, at server: Server) async throws -> Bool {
        try await eventually("an answer, or the warning") {
            // The warning is written for the last connection that fits, whose response may still be on its way.
            let isFull = server.process.errors.contains("connections: \(why)")
            let answer = try? await connection.receive(until: #"{"status":"ok"}"#, within: .milliseconds(500))
            return answer != nil ? true : isFull ? false : nil
        }
    }

    /// Opens a stream, fills the server with idle connections, and then opens three more, which wait.
    private func exhaust(_ server: Server, _ executor: Executor, idle: Int?) async throws {
        let start = ContinuousClock.now
        let live = try await server.connect()
        let body = chat(tokens: 100_000, more: #""simulator":{"pace":50,"prefill_ms":5}"#)
        try await live.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        _ = try await live.receive(until: "emitted_ns")
        var crowd: [RawConnection] = []
        let why = idle == nil ? "the rest of the descriptors" : "max_connections is reached"
        // Opens connections until the server accepts no more. A response shows that a connection was accepted.
        for _ in 0..<(idle ?? 100) {
            let connection = try await server.connect()
            try await connection.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            crowd.append(connection)
            guard try await isIn(connection, unless: why, at: server) else { break }
        }
        if let idle { #expect(crowd.count == idle) } else { #expect(crowd.count < 64) }
        if idle == nil {
            // A request needs one more descriptor, for the connection to its executor. The server accepts no clients
            // on the last descriptors, so one is free.
            let body = chat(stream: false, tokens: 1)
            try await crowd[0].send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            try await expect(crowd[0].receiveAnswer()) { $0.status == 200 }
        }
        var waiting: [RawConnection] = []
        for _ in 0..<3 {
            let connection = try await server.connect()
            try await connection.send("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            waiting.append(connection)
        }
        _ = try await eventually("the warning") {
            server.process.errors.contains("connections: \(why)") ? true : nil
        }
        // The running stream continues, for two seconds.
        for _ in 0..<100 { _ = try await live.receive(until: "emitted_ns") }
        // The waiting connections have received neither a response nor an end.
        for connection in waiting {
            await #expect(throws: Unmet.self) {
                _ = try await connection.receiveToEnd(within: .milliseconds(20))
            }
        }
        // For each connection that closes, one waiting connection is accepted.
        for connection in crowd.suffix(4) { connection.close() }
        for connection in waiting {
            try await expect(connection.receiveAnswer()) { $0.status == 200 }
            connection.close()
        }
        for _ in 0..<10 { _ = try await live.receive(until: "emitted_ns") }
        let warnings = server.process.errors.components(separatedBy: "accepting pauses").count - 1
        let seconds = Int((ContinuousClock.now - start) / .seconds(1))
        #expect(warnings >= 1)
        #expect(warnings <= seconds + 2)
        // Requests to executors work again, once the server has closed its descriptors of the closed connections.
        _ = try await eventually("a request to an executor") {
            let answer = try await server.curl("/v1/chat/completions", body: chat(stream: false, tokens: 1))
            return answer.status == 200 ? true : nil
        }
        try await expect(executor.counters()) { $0.aborted.int == 0 }
    }
}
