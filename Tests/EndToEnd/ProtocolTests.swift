import Testing

/// Which HTTP version a client negotiates, and that requests work with each version.
@Suite struct ProtocolTests {
    struct Way: Sendable, CustomTestStringConvertible {
        let speaking: Protocol
        var secure = false
        var arguments: [String] = []
        /// The version that curl reports for the response.
        let version: String
        /// The version of the request in the log; nil if it is `version`.
        var logged: String?

        var testDescription: String {
            ([secure ? "https" : "http", speaking.rawValue] + arguments).joined(separator: " ")
        }

        static let all = [
            Way(speaking: .http2, secure: true, version: "2"), Way(speaking: .http1, secure: true, version: "1.1"),
            Way(speaking: .http2, version: "2"), Way(speaking: .http2PriorKnowledge, version: "2"),
            Way(speaking: .http1, version: "1.1"),
            // The server answers a request of HTTP/1.0 with a status line of HTTP/1.1. Over TLS, `--no-alpn` keeps curl
            // from offering only `http/1.0`, which the server does not support.
            Way(speaking: .http1, arguments: ["--http1.0"], version: "1.1", logged: "HTTP/1.0"),
            Way(
                speaking: .http1,
                secure: true,
                arguments: ["--http1.0", "--no-alpn"],
                version: "1.1",
                logged: "HTTP/1.0"
            ),
        ]
    }

    @Test(arguments: Way.all)
    func getIsAnswered(_ way: Way) async throws {
        try await withServer { server, _ in
            let answer = try await server.curl(
                "/v1/models",
                way.speaking,
                secure: way.secure,
                arguments: way.arguments
            )
            #expect(answer.exitCode == 0)
            #expect(answer.status == 200)
            #expect(answer.version == way.version)
            try expect(answer.json) { $0.data[0].id.string == "demo" }
            #expect(answer["x-request-id"] != nil)
            #expect(answer["date"] != nil)
            let line = try await server.logged("the request") { $0.request_id.string == answer["x-request-id"] }
            #expect(line["protocol"].string == way.logged ?? "HTTP/\(way.version)")
        }
    }

    @Test(arguments: Way.all)
    func aStreamIsWhole(_ way: Way) async throws {
        try await withServer { server, _ in
            let answer = try await server.curl(
                "/v1/chat/completions",
                way.speaking,
                secure: way.secure,
                body: chat(tokens: 5),
                arguments: way.arguments
            )
            #expect(answer.exitCode == 0)
            #expect(answer.status == 200)
            #expect(answer.version == way.version)
            #expect(answer["content-type"] == "text/event-stream; charset=utf-8")
            #expect(answer["cache-control"] == "no-cache, no-transform")
            #expect(answer["x-accel-buffering"] == "no")
            #expect(answer["content-length"] == nil)
            let events = eventData(answer.body)
            #expect(events.last == "[DONE]")
            // An event with the role, five tokens, the finish reason, and `[DONE]`.
            #expect(events.count == 8)
        }
    }

    @Test(arguments: Way.all)
    func headHasTheFieldsAndNoBody(_ way: Way) async throws {
        try await withServer { server, _ in
            let answer = try await server.curl(
                "/health",
                way.speaking,
                secure: way.secure,
                arguments: way.arguments + ["--head"]
            )
            #expect(answer.exitCode == 0)
            #expect(answer.status == 200)
            #expect(answer["content-length"] == "\(#"{"status":"ok"}"#.utf8.count)")
            #expect(answer.body.isEmpty || answer.body.hasPrefix("HTTP/"), "\(answer.body)")
        }
    }
}
