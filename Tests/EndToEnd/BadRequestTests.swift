import Testing

/// Requests over HTTP/1.1 that violate HTTP or the API: each gets its status and a JSON body that names the fault.
@Suite struct BadRequestTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let request: String
        let status: Int
        var testDescription: String { name }

        init(_ name: String, _ status: Int, _ request: String) {
            self.name = name
            self.status = status
            self.request = request
        }

        static func post(_ path: String, _ body: String, fields: String = "") -> String {
            "POST \(path) HTTP/1.1\r\nhost: x\r\n\(fields)content-length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        static func get(_ path: String, fields: String = "") -> String {
            "GET \(path) HTTP/1.1\r\nhost: x\r\n\(fields)\r\n"
        }
        static func chunked(_ body: String) -> String {
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + body
        }

        static let chat = "/v1/chat/completions"

        static let all = [
            Case("no JSON", 400, post(chat, "{")),
            Case("an empty body", 400, post(chat, "")),
            Case("no body", 400, "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n\r\n"),
            Case("no object", 400, post(chat, "[1]")),
            Case("two values", 400, post(chat, #"{"model":"demo"} {"model":"demo"}"#)),
            Case("no model", 400, post(chat, #"{"messages":[]}"#)),
            Case("a model that is no string", 400, post(chat, #"{"model":7}"#)),
            Case("two models", 400, post(chat, #"{"model":"demo","mod\u0065l":"other"}"#)),
            Case("an unknown model", 404, post(chat, #"{"model":"nobody"}"#)),
            Case("an unknown path", 404, get("/nothing")),
            Case("an unknown path, posted to", 404, post("/nothing", "{}")),
            Case("an unknown model's page", 404, get("/v1/models/nobody")),
            Case("GET of a POST path", 405, get(chat)),
            Case("POST of a GET path", 405, post("/health", "{}")),
            Case("a method nobody has", 501, "FROB /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"),
            Case("multipart", 415, post(chat, "x", fields: "content-type: multipart/form-data; boundary=x\r\n")),
            Case("an expectation", 417, post(chat, "{}", fields: "expect: the-unexpected\r\n")),
            Case("a target that is too long", 414, get("/" + String(repeating: "a", count: 9000))),
            Case("too large fields", 431, get("/", fields: "x: \(String(repeating: "a", count: 33000))\r\n")),
            Case("too many fields", 431, get("/", fields: String(repeating: "x: y\r\n", count: 101))),
            Case("another transfer coding", 501, get("/", fields: "transfer-encoding: gzip\r\n")),
            Case("two transfer codings", 501, get("/", fields: "transfer-encoding: gzip, chunked\r\n")),
            Case("CONNECT", 501, "CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n"),
            Case("HTTP/3.0", 505, "GET / HTTP/3.0\r\nhost: x\r\n\r\n"),
            Case("no host", 400, "GET / HTTP/1.1\r\n\r\n"),
            Case("two hosts", 400, get("/", fields: "host: y\r\n")),
            Case("a bare line feed", 400, "GET / HTTP/1.1\nhost: x\n\n"),
            Case("a folded field", 400, get("/", fields: "x: a\r\n b\r\n")),
            Case("a space before a colon", 400, get("/", fields: "x : a\r\n")),
            Case("a control character", 400, get("/", fields: "x: a\u{1}b\r\n")),
            Case("a request line without a target", 400, "GET HTTP/1.1\r\nhost: x\r\n\r\n"),
            Case("a length and chunks", 400, post(chat, "{}", fields: "transfer-encoding: chunked\r\n")),
            Case("two lengths", 400, post(chat, "{}", fields: "content-length: 2\r\n")),
            Case("a negative length", 400, get("/", fields: "content-length: -1\r\n")),
            Case("a length with a sign", 400, get("/", fields: "content-length: +1\r\n")),
            Case("chunks in HTTP/1.0", 400, "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n"),
            Case("a chunk size that is none", 400, chunked("zz\r\n")),
            Case("a chunk size beyond all measure", 400, chunked("fffffffffffffffff\r\n")),
            Case("a chunk that is longer than its size", 400, chunked("2\r\n{}x\r\n")),
        ]
    }

    @Test(arguments: Case.all)
    func itIsAnsweredWithItsStatus(_ bad: Case) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let client = try await server.connect()
            try await client.send(bad.request)
            let answer = try await client.receiveAnswer()
            #expect(answer.status == bad.status)
            #expect(answer["content-type"] == "application/json")
            #expect(answer["x-request-id"]?.isEmpty == false, "\(String(describing: answer["x-request-id"]))")
            let error = try answer.json.error
            #expect(error.keys == ["code", "message", "param", "type"])
            #expect(error.message.string?.isEmpty == false, "\(String(describing: error.message.string))")
            if bad.status == 405 {
                #expect(answer["allow"]?.isEmpty == false, "\(String(describing: answer["allow"]))")
            }
            // The log line has the same request id and the details of the refusal.
            let id = answer["x-request-id"]
            let line = try await server.logged("\(bad.name)") { $0.request_id.string == id }
            #expect(line.status.int == bad.status)
            #expect(line.side.string == "client")
            try await expect(server.curl("/health", .http1, secure: false)) { $0.status == 200 }
        }
    }

    @Test(arguments: [
        ("{", 400, "invalid_request_error"), (#"{"model":"nobody"}"#, 404, "not_found_error"),
        (#"{"max_tokens":1}"#, 400, "invalid_request_error"),
    ])
    func messagesGetAnthropicsShape(body: String, status: Int, type: String) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            for path in ["/v1/messages", "/v1/messages/count_tokens", "/v1/messages?beta=true"] {
                for speaking in [Protocol.http1, .http2] {
                    let answer = try await server.curl(path, speaking, body: body)
                    #expect(answer.status == status)
                    try expect(answer.json) { $0.type.string == "error" }
                    try expect(answer.json.error.type.string, is: type)
                    try expect(answer.json) { $0.error.message.string?.isEmpty == false }
                    try expect(answer.json.request_id.string, is: answer["x-request-id"])
                }
            }
        }
    }

    @Test func whatIsAllowedIsSaid() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let cases = [
                ("/v1/chat/completions", "GET", "POST"), ("/v1/messages", "DELETE", "POST"),
                ("/v1/models", "DELETE", "GET, HEAD"), ("/health", "PUT", "GET, HEAD"), ("/", "PATCH", "GET, HEAD"),
            ]
            for (path, method, allowed) in cases {
                let answer = try await server.curl(path, .http2, arguments: ["--request", method])
                #expect(answer.status == 405, "\(method) \(path)")
                #expect(answer["allow"] == allowed, "\(method) \(path)")
            }
        }
    }

    @Test func aRefusedSmallBodyDoesNotCostTheConnection() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let client = try await server.connect()
            for _ in 0..<3 {
                try await client.send(Case.post("/nothing", "{}") + Case.post(Case.chat, "{") + Case.get("/health"))
                try await expect(client.receiveAnswer()) { $0.status == 404 }
                try await expect(client.receiveAnswer()) { $0.status == 400 }
                try await expect(client.receiveAnswer()) { $0.status == 200 }
            }
        }
    }
}
