import Glibc
import Testing

/// SIGTERM: running exchanges end normally, and no new ones begin.
@Suite struct DrainTests {
    private static let long = chat(tokens: 60)

    @Test(arguments: [(Protocol.http1, true), (.http2, true), (.http1, false), (.http2, false)], [SIGTERM, SIGINT])
    func aStreamUnderWayEndsComplete(_ way: (speaking: Protocol, secure: Bool), signal: CInt) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "drain_timeout: 600s") { server, executor in
            let curl = try await server.streamingCurl(
                "/v1/chat/completions",
                way.speaking,
                secure: way.secure,
                body: Self.long,
                in: scratch
            )
            _ = try await eventually("the stream") { curl.output.contains("data:") ? true : nil }
            // While the stream runs, new connections are refused.
            try await drain(server, signal, holding: executor) { #expect(curl.isRunning) }
            try await expect(curl.ending()) { $0 == .exited(0) }
            #expect(eventData(curl.output).last == "[DONE]")
            #expect(eventData(curl.output).count == 63)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await expect(executor.counters()) { $0.aborted.int == 0 }
        }
    }

    /// Sends `signal` to the server and returns once no worker accepts connections.
    ///
    /// The executor is paused by SIGSTOP until then, so that its streams cannot end before.
    private func drain(
        _ server: Server,
        _ signal: CInt = SIGTERM,
        holding executor: Executor,
        _ body: () async throws -> Void = {}
    ) async throws {
        executor.process.signal(SIGSTOP)
        defer { executor.process.signal(SIGCONT) }
        server.process.signal(signal)
        try await eventually("the refusal of connections") { (try? await server.connect()) == nil ? true : nil }
        try await body()
    }

    /// Waits until one stream is in the phase `relay`, in which its first event has been passed on.
    private func relays(_ server: Server) async throws {
        try await eventually("a stream") {
            try await server.metrics()["freeinference_exchanges_in_flight", ["phase": "relay"]] == 1 ? true : nil
        }
    }

    private func startClient(
        _ server: Server,
        _ scenario: String,
        secure: Bool,
        tokens: Int,
        in scratch: Scratch
    ) async throws -> ChildProcess {
        try await ChildProcess.start(
            Repository.python,
            [Repository.clients + "/h2_raw.py"] + server.target(secure: secure) + ["--tokens", "\(tokens)", scenario],
            in: scratch
        )
    }

    @Test(arguments: [true, false])
    func anHTTP2ClientIsToldToGoAway(secure: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "drain_timeout: 600s") { server, executor in
            let client = try await startClient(server, "stream_to_end", secure: secure, tokens: 100, in: scratch)
            try await executor.counter("emitted", reaches: 2)
            try await drain(server, holding: executor)
            try await expect(client.ending()) { $0 == .exited(0) }
            let seen = try JSON(parsing: client.output)
            #expect(seen.goaway.int == 0)
            #expect(seen.ended.bool == true)
            #expect(seen.reset.isNull)
            #expect(seen.body.string?.hasSuffix("data: [DONE]\n\n") == true, "\(String(describing: seen.body.string))")
            try await expect(server.process.ending()) { $0 == .exited(0) }
        }
    }

    @Test(arguments: [true, false])
    func healthTurns503WhileStreamsGoOn(secure: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "drain_timeout: 600s") { server, executor in
            let client = try await startClient(server, "drain", secure: secure, tokens: 100, in: scratch)
            _ = try await eventually("the stream") { client.output.contains("streaming") ? true : nil }
            try await drain(server, holding: executor) {
                _ = try await eventually("the answer") { client.output.contains("answered") ? true : nil }
            }
            try await expect(client.ending()) { $0 == .exited(0) }
            let seen = try JSON(parsing: String(try #require(client.output.split(separator: "\n").last)))
            #expect(seen.goaway.int == 0)
            #expect(seen.health.int == 503)
            #expect(seen.health_body.string == #"{"status":"draining"}"#)
            #expect(seen.ended.bool == true)
            #expect(seen.body.string?.hasSuffix("data: [DONE]\n\n") == true, "\(String(describing: seen.body.string))")
            try await expect(server.process.ending()) { $0 == .exited(0) }
        }
    }

    @Test func anHTTP1ConnectionIsClosedOnceItIsIdle() async throws {
        try await withServer(settings: "drain_timeout: 600s") { server, executor in
            func post(_ body: String) -> String {
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
            }
            let idle = try await server.connect()
            try await idle.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            try await expect(idle.receiveAnswer()) { $0.status == 200 }
            let streaming = try await server.connect()
            try await streaming.send(post(Self.long))
            _ = try await streaming.receive(until: "\r\n\r\n")
            let waiting = try await server.connect()
            try await waiting.send(post(chat(stream: false, tokens: 60)))
            try await executor.counter("running", reaches: 2)
            try await drain(server, holding: executor)
            try await expect(idle.receiveToEnd()) { $0.text.isEmpty }
            // From now on the head of a response says `connection: close`.
            let answer = try await waiting.receiveAnswer()
            #expect(answer.status == 200)
            #expect(answer["connection"] == "close")
            try await expect(waiting.receiveToEnd()) { $0.text.isEmpty }
            let stream = try await streaming.receiveToEnd()
            #expect(stream.text.contains("data: [DONE]\n\n"))
            #expect(stream.text.hasSuffix("\r\n0\r\n\r\n"))
            #expect(stream.ending == .closed)
            try await expect(server.process.ending()) { $0 == .exited(0) }
        }
    }

    /// Expects that the last event of the body is the server's own error event.
    private func expectError(in body: String) throws {
        let last = try JSON(parsing: try #require(eventData(body).last))
        #expect(last.error.code.int == 503)
        #expect(last.error.metadata.error_type.string == "draining")
        #expect(last.choices[0].finish_reason.string == "error")
    }

    @Test func afterTheDrainTimeoutAStreamIsBrokenInBand() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "drain_timeout: 300ms") { server, executor in
            let body = chat(tokens: 1_000_000)
            let curl = try await server.streamingCurl("/v1/chat/completions", .http1, body: body, in: scratch)
            try await relays(server)
            server.process.signal(SIGTERM)
            // curl's exit code 18: the transfer ended before the last chunk.
            try await expect(curl.ending()) { $0 == .exited(18) }
            try expectError(in: curl.output)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await executor.counter("aborted", reaches: 1)
        }
    }

    @Test(arguments: [true, false])
    func afterTheDrainTimeoutAnHTTP2StreamIsResetBehindItsError(secure: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "drain_timeout: 300ms") { server, executor in
            // curl 7.88 is not used here, because it drops frames between a GOAWAY and a RST_STREAM.
            let client = try await startClient(server, "stream_to_end", secure: secure, tokens: 1_000_000, in: scratch)
            try await relays(server)
            server.process.signal(SIGTERM)
            try await expect(client.ending()) { $0 == .exited(0) }
            let seen = try JSON(parsing: client.output)
            #expect(seen.goaway.int == 0)
            #expect(seen.ended.bool == false)
            #expect(seen.reset.int == 2)
            try expectError(in: try #require(seen.body.string))
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await executor.counter("aborted", reaches: 1)
        }
    }

    @Test func aSecondSignalEndsAtOnce() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            let folder = try Scratch()
            defer { folder.remove() }
            let configuration = Configuration(executors: [executor.url], settings: "drain_timeout: 600s")
            let server = try await Server.start(configuration, in: folder)
            let curl = try await server.streamingCurl(body: chat(tokens: 1_000_000), in: scratch)
            try await executor.counter("emitted", reaches: 2)
            server.process.signal(SIGTERM)
            _ = try await eventually("the drain") { server.process.errors.contains("draining") ? true : nil }
            #expect(server.process.isRunning)
            server.process.signal(SIGTERM)
            try await expect(server.process.ending()) { $0 == .exited(1) }
            try await expect(curl.ending()) { $0 != .exited(0) }
            try await executor.counter("aborted", reaches: 1)
            // The stream that was cut off still gets its log line.
            let lines = server.process.output.split(separator: "\n").compactMap { try? JSON(parsing: String($0)) }
            #expect(lines.count == 1)
            #expect(lines.first?.end.string == "draining")
            #expect(server.process.errors.contains("1 exchange was cut by a second signal"))
        }
    }

    /// A new connection has one second for its first request, so a drain without exchanges ends after about a second.
    @Test func aServerWithNothingToDoEndsSoon() async throws {
        let configuration = Configuration(executors: ["http://127.0.0.1:1"], settings: "drain_timeout: 600s")
        try await withServer(configuration) { server in
            let idle = try await server.connect()
            try await expect(server.curl("/health")) { $0.status == 200 }
            server.process.signal(SIGTERM)
            try await expect(server.process.ending()) { $0 == .exited(0) }
            try await expect(idle.receiveToEnd()) { $0.text.isEmpty }
        }
    }

    /// A connection that was accepted just before the drain may still send its first request, and gets a response.
    ///
    /// The client has one second. If the test itself was too slow for that, the try is repeated.
    @Test func theFirstRequestOfAConnectionIsServed() async throws {
        for _ in 0..<10 where try await firstRequestsAreServed() { return }
        Issue.record("the requests never came within a second")
    }

    /// - Returns: Whether both requests were sent within 0.9 s of SIGTERM; if not, the test must try again.
    private func firstRequestsAreServed() async throws -> Bool {
        try await withServer(settings: "drain_timeout: 600s\nworkers: 1") { server, executor in
            let fresh = try await server.connect()
            let begun = try await server.connect()
            let body = chat(stream: false)
            let request = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n"
            try await begun.send(String(request.prefix(10)))
            // A response on a third connection shows that the server has accepted the first two.
            try await expect(server.curl("/health", secure: false)) { $0.status == 200 }
            let told = ContinuousClock.now
            server.process.signal(SIGTERM)
            _ = try await eventually("the drain") {
                (try? await server.connect()) == nil ? true : nil
            }
            try? await fresh.send(request + body)
            try? await begun.send(String(request.dropFirst(10)) + body)
            guard ContinuousClock.now - told < .milliseconds(900) else {
                fresh.close()
                begun.close()
                _ = try await server.process.ending()
                return false
            }
            for connection in [fresh, begun] {
                let answer = try await connection.receiveAnswer()
                #expect(answer.status == 200)
                #expect(answer["connection"] == "close")
                try await expect(connection.receiveToEnd()) { $0.text.isEmpty }
            }
            try await expect(executor.counters()) { $0.aborted.int == 0 }
            try await expect(server.process.ending()) { $0 == .exited(0) }
            return true
        }
    }

    @Test func aHangupReloadsAndCutsNothing() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer { server, executor in
            let curl = try await server.streamingCurl(body: chat(tokens: 30), in: scratch)
            try await executor.counter("emitted", reaches: 1)
            server.process.signal(SIGHUP)
            _ = try await eventually("the message") { server.process.errors.contains("reload: nothing") ? true : nil }
            server.process.signal(SIGPIPE)
            try await expect(curl.ending()) { $0 == .exited(0) }
            try await expect(server.curl("/health")) { $0.status == 200 }
        }
    }
}
