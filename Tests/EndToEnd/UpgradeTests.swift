import Testing

/// HTTP/2 through `Upgrade: h2c` on a cleartext listener.
@Suite struct UpgradeTests {
    @Test func aPostIsServedOnHTTP2() async throws {
        try await withServer { server, executor in
            let body = chat(stream: false, prompt: String(repeating: "x", count: 100_000))
            let answer = try await server.curl("/v1/chat/completions", .http2, secure: false, body: body)
            #expect(answer.version == "2")
            #expect(answer.status == 200)
            let last = try await executor.get("/simulator/last").json
            #expect(last.body.string == body)
            // The executor's request carries no fields of the upgrade, which concerns only the client's connection.
            for name in ["upgrade", "http2-settings", "connection"] { #expect(last.headers[name].isNull) }
        }
    }

    @Test func aBodyThatIsTooLargeToWaitForStaysOnHTTP1() async throws {
        try await withServer { server, executor in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let body = chat(stream: false, prompt: String(repeating: "x", count: 1 << 20))
            let file = try scratch.write(body, to: "body.json")
            let answer = try await server.curl("/v1/chat/completions", .http2, secure: false, body: "@" + file)
            #expect(answer.version == "1.1")
            #expect(answer.status == 200)
            try await expect(executor.get("/simulator/last").json.body_bytes.int, is: body.utf8.count)
        }
    }

    @Test(
        arguments: [
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: !!!!",
            "connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAM",
            "connection: upgrade, http2-settings\r\nupgrade: h2c",
            "connection: upgrade\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA",
            "connection: upgrade, http2-settings\r\nupgrade: websocket\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA",
            """
            connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r
            http2-settings: AAMAAABk
            """,
        ]
    )
    func aBadUpgradeIsIgnored(fields: String) async throws {
        try await withServer { server, _ in
            let client = try await server.connect()
            // The server answers the second request, too, so the connection continues with HTTP/1.1.
            for _ in 0..<2 {
                try await client.send("GET /health HTTP/1.1\r\nhost: x\r\n\(fields)\r\n\r\n")
                let answer = try await client.receiveAnswer()
                #expect(answer.statusLine == "HTTP/1.1 200 OK")
                #expect(answer.body == #"{"status":"ok"}"#)
            }
        }
    }

    @Test func aListenerMayBeToldNotToUpgrade() async throws {
        let port = Port.free()
        let yaml = """
            listeners:
              - address: 127.0.0.1:\(port)
                h2c_upgrade: false
            admin: {address: 127.0.0.1:\(Port.free())}
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        var configuration = Configuration()
        configuration.clear = port
        try await withServer(configuration, yaml: yaml) { server in
            let answer = try await server.curl("/health", .http2, secure: false)
            #expect(answer.status == 200)
            #expect(answer.version == "1.1")
            // `h2c_upgrade: false` disables only the upgrade; HTTP/2 with prior knowledge still works.
            try await expect(server.curl("/health", .http2PriorKnowledge, secure: false)) { $0.version == "2" }
        }
    }
}
