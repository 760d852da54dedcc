import Testing

/// Invalid requests over HTTP/2: a status with a JSON body where the server can respond, else the error of RFC 9113.
@Suite struct BadRequestHTTP2Tests {
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let status: Int
        let arguments: [String]
        var testDescription: String { name }

        init(_ name: String, _ status: Int, _ arguments: String...) {
            self.name = name
            self.status = status
            self.arguments = arguments
        }

        private static let chat = "/v1/chat/completions"

        static let all = [
            Case("no JSON", 400, "--method", "POST", "--path", chat, "--body", "{"),
            Case("no model", 400, "--method", "POST", "--path", chat, "--body", "{}"),
            Case("an empty body", 400, "--method", "POST", "--path", chat),
            Case("an unknown model", 404, "--method", "POST", "--path", chat, "--body", #"{"model":"nobody"}"#),
            Case("an unknown path", 404, "--path", "/nothing"),
            Case("GET of a POST path", 405, "--path", chat),
            Case("a path that is too long", 414, "--path", "/" + String(repeating: "a", count: 9000)),
            Case(
                "multipart",
                415,
                "--method",
                "POST",
                "--path",
                chat,
                "--body",
                "x",
                "--field",
                "content-type:multipart/form-data; boundary=x"
            ),
            Case("an expectation", 417, "--method", "POST", "--path", chat, "--body", "{}", "--field", "expect:more"),
            Case("too large fields", 431, "--field", "x:" + String(repeating: "a", count: 40_000)),
            Case("CONNECT", 501, "--method", "CONNECT"),
            Case("an authority and another host", 400, "--field", "host:other"),
        ]
    }

    @Test(arguments: Case.all, [true, false])
    func itIsAnsweredWithItsStatus(_ bad: Case, secure: Bool) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let seen = try await server.rawHTTP2("request", secure: secure, arguments: bad.arguments)
            let answer = try #require(seen.first)
            #expect(answer.status.int == bad.status)
            #expect(answer.ended.bool == true)
            #expect(answer.goaway.isNull)
            #expect(answer.closed.isNull)
            #expect(answer.fields["content-type"].string == "application/json")
            let error = try JSON(parsing: try #require(answer.body.string)).error
            #expect(error.message.string?.isEmpty == false, "\(String(describing: error.message.string))")
            let id = try #require(answer.fields["x-request-id"].string)
            let line = try await server.logged(bad.name) { $0.request_id.string == id }
            #expect(line.status.int == bad.status)
        }
    }

    @Test(arguments: [
        ["--field", "Upper: case"], ["--field", "connection:close"], ["--field", "transfer-encoding:chunked"],
        ["--field", "te:gzip"],
        ["--method", "POST", "--path", "/v1/chat/completions", "--body", "{}", "--field", "content-length:7"],
    ])
    func whatRFC9113ForbidsIsAStreamError(arguments: [String]) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { server in
            let seen = try await server.rawHTTP2("request", arguments: arguments)
            #expect(seen.first?.reset.int == 1)
            #expect(seen.first?.status.isNull == true)
        }
    }
}
