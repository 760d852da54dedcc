import Testing

/// The limits for one client address (`limits.per_address`): its connections, handshakes and streams.
@Suite struct AddressLimitTests {
    private func configuration(_ limits: String, settings: String = "") -> Configuration {
        Configuration(
            executors: ["http://127.0.0.1:1"],
            settings: "limits: {per_address: {\(limits)}}\n\(settings)"
        )
    }

    private func refusals(_ server: Server, _ limit: String) async throws -> Double {
        try await server.metrics()["freeinference_per_address_refusals_total", ["limit": limit]] ?? 0
    }

    /// Checks the response to a request that a limit refuses, and its log line.
    private func expectRefusal(_ answer: Answer, by limit: String, on server: Server) async throws {
        #expect(answer.status == 429 && answer["retry-after"] != nil)
        try expect(answer.json) { $0.error.code.string == "address_limit_exceeded" }
        let line = try await server.logged("of the refusal") { $0.end.string == "address_limited" }
        #expect(line.status.int == 429 && line.detail.string == "limits.per_address.\(limit)")
        #expect(line.client.string == "127.0.0.1" && line.side.string == "client")
        try await expect(refusals(server, limit)) { $0 >= 1 }
        let warning = "127.0.0.1 has too many"
        _ = try await eventually("a warning") {
            server.process.errors.contains(warning) && server.process.errors.contains("limits.per_address.\(limit)")
                ? true : nil
        }
    }

    // MARK: Connections

    @Test func oneConnectionTooManyIsResetAndTheOperatorIsTold() async throws {
        try await withServer(configuration("connections: 2")) { server in
            let held = [try await server.connect(), try await server.connect()]
            for connection in held {
                try await connection.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
                try await expect(connection.receiveAnswer()) { $0.status == 200 }
            }
            for _ in 0..<3 {
                let refused = try await server.connect()
                let end = try await refused.receiveToEnd()
                #expect(end.text.isEmpty && end.ending == .reset)
            }
            try await expect(refusals(server, "connections")) { $0 == 3 }
            let warning = "127.0.0.1 has too many connections: limits.per_address.connections is reached"
            _ = try await eventually("a warning") { server.process.errors.contains(warning) ? true : nil }
            let refused = try await server.curl("/health", .http2)
            #expect(refused.status == 0 && refused.exitCode != 0)
            try await expect(refusals(server, "connections")) { $0 == 4 }
            #expect(server.process.errors.split(separator: warning).count == 2, "one warning a minute")
            // This curl connects from another address, whose connections are counted separately.
            let other = try await server.curl("/health", .http2, arguments: ["--interface", "127.0.0.2"])
            #expect(other.status == 200)
            try await expect(server.metrics()["freeinference_addresses"]) { $0 == 2 }
            held[0].close()
            _ = try await eventually("room for a connection") {
                try await server.curl("/health", .http2).status == 200 ? true : nil
            }
        }
    }

    @Test(arguments: [Protocol.http1, .http2])
    func newConnectionsAreLimitedByTheSecond(speaking: Protocol) async throws {
        try await withServer(configuration("new_connections: 1")) { server in
            var served = 0
            _ = try await eventually("a refusal") {
                let answer = try await server.curl("/health", speaking)
                if answer.status == 200 { served += 1 }
                return answer.status == 0 && answer.exitCode != 0 ? true : nil
            }
            #expect(served >= 10, "ten seconds' worth may come at once")
            try await expect(refusals(server, "new_connections")) { $0 >= 1 }
            _ = try await eventually("a connection in a later second") {
                try await server.curl("/health", speaking).status == 200 ? true : nil
            }
        }
    }

    @Test func handshakesUnderWayAreLimitedAndFreeWhenTheyEnd() async throws {
        try await withServer(configuration("handshakes: 1", settings: "timeouts: {handshake: 60s}")) { server in
            for speaking in [Protocol.http2, .http1, .http2] {
                try await expect(server.curl("/health", speaking)) { $0.status == 200 }
            }
            let before = try await server.metrics().sum("freeinference_connections_accepted_total")
            let slow = try await RawConnection(port: server.configuration.tls)
            try await slow.send("\u{16}\u{3}")
            // Each worker accepts connections independently, so without this wait the next connection might be
            // accepted before this one.
            _ = try await eventually("the handshake") {
                try await server.metrics().sum("freeinference_connections_accepted_total") > before ? true : nil
            }
            let refused = try await RawConnection(port: server.configuration.tls)
            let end = try await refused.receiveToEnd()
            #expect(end.text.isEmpty && end.ending == .reset)
            try await expect(refusals(server, "handshakes")) { $0 == 1 }
            try await expect(server.curl("/health", .http1, secure: false)) { $0.status == 200 }
            slow.close()
            _ = try await eventually("room for a handshake") {
                try await server.curl("/health", .http2).status == 200 ? true : nil
            }
        }
    }

    // MARK: Requests

    @Test(arguments: [Protocol.http1, .http2])
    func requestsBeyondTheRateAre429(speaking: Protocol) async throws {
        try await withServer(configuration("requests: 1")) { server in
            for _ in 0..<10 { try await expect(server.curl("/v1/models", speaking)) { $0.status == 200 } }
            let refused = try await eventually("a refusal") {
                let answer = try await server.curl("/v1/models", speaking)
                return answer.status == 429 ? answer : nil
            }
            #expect(refused["retry-after"] == "1")
            try await expectRefusal(refused, by: "requests", on: server)
        }
    }

    @Test(arguments: [Protocol.http1, .http2])
    func requestsAtOnceAreLimited(speaking: Protocol) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withServer(settings: "limits: {per_address: {streams: 1}}") { server, _ in
            let stream = try await server.streamingCurl(
                "/v1/chat/completions",
                speaking,
                body: chat(tokens: 100_000),
                in: scratch
            )
            _ = try await eventually("the stream") { stream.output.contains("data:") ? true : nil }
            let refused = try await server.curl("/v1/models", speaking)
            try await expectRefusal(refused, by: "streams", on: server)
            #expect(stream.isRunning)
            try await stream.stop()
            _ = try await eventually("room for a request") {
                try await server.curl("/v1/models", speaking).status == 200 ? true : nil
            }
        }
    }

    @Test(arguments: [Protocol.http1, .http2])
    func bytesOfBodiesAreLimited(speaking: Protocol) async throws {
        try await withServer(settings: "limits: {per_address: {body_bytes: 64KiB}}") { server, _ in
            let half = try await server.connect()
            try await half.send(
                "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2000\r\n\r\n"
                    + String(repeating: " ", count: 1000)
            )
            let refused = try await eventually("a refusal") {
                let answer = try await server.curl("/v1/chat/completions", speaking, body: chatOnce)
                return answer.status == 429 ? answer : nil
            }
            try await expectRefusal(refused, by: "body_bytes", on: server)
            half.close()
            _ = try await eventually("room for a body") {
                try await server.curl("/v1/chat/completions", speaking, body: chatOnce).status == 200 ? true : nil
            }
        }
    }

    @Test(arguments: [Protocol.http1, .http2])
    func unknownKeysAre429AndAValidKeyPasses(speaking: Protocol) async throws {
        try await withKeys(settings: "limits: {per_address: {unknown_keys: 3}}") { server, _, store in
            let made = try await store.create()
            let wrong = ["--header", "authorization: Bearer fi-wrong"]
            for _ in 0..<3 {
                let answer = try await server.curl("/v1/models", speaking, arguments: wrong)
                #expect(answer.status == 401)
            }
            let refused = try await server.curl("/v1/models", speaking, arguments: wrong)
            try await expectRefusal(refused, by: "unknown_keys", on: server)
            // The server looks for new keys each 250 ms; until then, this key is unknown, too.
            _ = try await eventually("the valid key") {
                try await server.chat(key: made.key).status == 200 ? true : nil
            }
            try await expect(server.curl("/v1/models", speaking)) { $0.status == 200 }
        }
    }

    // MARK: Connections whose requests go on being refused

    @Test func anHTTP2ConnectionGetsGOAWAY() async throws {
        try await withServer(configuration("requests: 1")) { server in
            let arguments = ["--path", "/v1/models", "--count", "1000"]
            let seen = try #require(try await server.rawHTTP2("refused_requests", arguments: arguments).last)
            #expect(seen.goaway.int == 11 && seen.statuses.array.count > 60, "\(seen)")
            #expect(seen.statuses.array.last?.int == 429, "\(seen)")
        }
    }

    @Test func anHTTP1ConnectionCloses() async throws {
        try await withServer(configuration("requests: 1")) { server in
            let connection = try await server.connect()
            var refused = 0
            let last = try await eventually("connection: close") {
                try await connection.send("GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
                let answer = try await connection.receiveAnswer()
                if answer.status == 429 { refused += 1 }
                return answer["connection"] == "close" ? answer : nil
            }
            #expect(last.status == 429 && refused > 50)
            try await expect(connection.receiveToEnd()) { $0.text.isEmpty }
        }
    }

    // MARK: Clients behind a trusted peer

    /// Starts a server whose cleartext listener trusts this machine as a proxy, and believes the client addresses it
    /// names.
    private func behindProxy(
        _ source: String,
        _ limits: String,
        _ body: (Server) async throws -> Void
    ) async throws {
        let configuration = configuration(limits)
        let listener = "address: 127.0.0.1:\(configuration.clear)\n"
        let yaml = configuration.yaml(try await Certificates.shared()).replacing(
            listener,
            with: listener + "    client_address: \(source)\n    trusted_peers: [127.0.0.1]\n"
        )
        try await withServer(configuration, yaml: yaml, body)
    }

    @Test func clientsOfAFieldHaveLimitsOfTheirOwnAndTheirProxyHasNone() async throws {
        try await behindProxy("x-forwarded-for", "requests: 1, connections: 1") { server in
            let held = try await server.connect()
            func status(_ field: String) async throws -> Int {
                try await held.send("GET /v1/models HTTP/1.1\r\nhost: x\r\n\(field)\r\n")
                return try await held.receiveAnswer().status
            }
            let refused = try await eventually("a refusal") {
                try await status("x-forwarded-for: 192.0.2.1\r\n") == 429 ? true : nil
            }
            #expect(refused)
            let line = try await server.logged("of the refusal") { $0.end.string == "address_limited" }
            #expect(line.client.string == "192.0.2.1" && line.peer.string == "127.0.0.1")
            try await expect(status("x-forwarded-for: 192.0.2.2\r\n")) { $0 == 200 }
            for _ in 0..<20 { try await expect(status("")) { $0 == 200 } }
            // The connections of the trusted proxy itself do not count for the limits, either.
            try await expect(server.curl("/health", .http1, secure: false)) { $0.status == 200 }
            try await expect(refusals(server, "connections")) { $0 == 0 }
        }
    }

    @Test func clientsOfAPROXYHeaderHaveConnectionsOfTheirOwn() async throws {
        try await behindProxy("proxy_protocol", "connections: 1") { server in
            func connect(_ client: String) async throws -> RawConnection {
                let connection = try await server.connect()
                try await connection.send(
                    "PROXY TCP4 \(client) 192.0.2.9 1 2\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n"
                )
                return connection
            }
            let first = try await connect("192.0.2.1")
            try await expect(first.receiveAnswer()) { $0.status == 200 }
            let second = try await connect("192.0.2.1")
            try await expect(second.receiveToEnd()) { $0.text.isEmpty }
            let other = try await connect("192.0.2.2")
            try await expect(other.receiveAnswer()) { $0.status == 200 }
            try await expect(refusals(server, "connections")) { $0 == 1 }
            first.close()
            _ = try await eventually("room for a connection") {
                let next = try await connect("192.0.2.1")
                return try await next.receiveToAnswerOrEnd() == 200 ? true : nil
            }
        }
    }
}

extension RawConnection {
    /// The status of the next response; nil if the connection ends before it.
    fileprivate func receiveToAnswerOrEnd() async throws -> Int? { try? await receiveAnswer().status }
}
