import Testing

/// If an executor cannot be reached, the client gets a 502, and if it is too slow, a 504, in the client's dialect.
@Suite struct ExecutorFailureTests {
    private static let paths = ["/v1/chat/completions", "/v1/messages", "/v1/embeddings"]

    private func expectFailure(_ answer: Answer, _ status: Int, _ code: String, path: String) throws {
        #expect(answer.status == status)
        #expect(answer["x-request-id"]?.isEmpty == false, "\(String(describing: answer["x-request-id"]))")
        let error = try answer.json.error
        #expect(error.message.string?.isEmpty == false, "\(String(describing: error.message.string))")
        if path == "/v1/messages" {
            try expect(answer.json) { $0.type.string == "error" }
        } else {
            #expect(error.code.string == code)
        }
    }

    @Test(arguments: [true, false])
    func anExecutorThatRefusesConnectionsIs502(stream: Bool) async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:\(Port.free())"])) { server in
            for path in Self.paths {
                let answer = try await server.curl(path, body: chat(stream: stream))
                try expectFailure(answer, 502, "executor_error", path: path)
                let line = try await server.logged(path) { $0.request_id.string == answer["x-request-id"] }
                #expect(line.end.string == "executor_unreachable")
                #expect(line.side.string == "executor")
            }
        }
    }

    @Test func anExecutorSocketThatIsNotThereIs502() async throws {
        try await withServer(Configuration(executors: ["unix:/nonexistent/executor.sock"])) { server in
            let answer = try await server.curl("/v1/chat/completions", body: chat())
            try expectFailure(answer, 502, "executor_error", path: "/v1/chat/completions")
        }
    }

    @Test func aStreamThatDoesNotBeginIs504() async throws {
        try await withServer(settings: "timeouts: {first_event: 300ms}") { server, executor in
            for path in ["/v1/chat/completions", "/v1/messages"] {
                let body = chat(more: #""simulator":{"fault":"no_answer"}"#)
                let answer = try await server.curl(path, body: body)
                try expectFailure(answer, 504, "first_event_timeout", path: path)
            }
            try await executor.counter("aborted", reaches: 2)
        }
    }

    @Test func aStreamWhoseHeadIsAllThatComesIs504() async throws {
        try await withServer(settings: "timeouts: {first_event: 300ms}") { server, _ in
            let body = chat(more: #""simulator":{"fault":"stall_after:0"}"#)
            let answer = try await server.curl("/v1/chat/completions", body: body)
            try expectFailure(answer, 504, "first_event_timeout", path: "/v1/chat/completions")
        }
    }

    @Test func anAnswerThatDoesNotComeIs504() async throws {
        try await withServer(settings: "timeouts: {response: 300ms}") { server, executor in
            let body = chat(stream: false, more: #""simulator":{"fault":"no_answer"}"#)
            let answer = try await server.curl("/v1/chat/completions", body: body)
            try expectFailure(answer, 504, "response_timeout", path: "/v1/chat/completions")
            try await executor.counter("aborted", reaches: 1)
        }
    }
}
