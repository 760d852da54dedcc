import Testing

/// A JSON response that is cut: the client gets a 502 and none of the partial JSON.
@Suite struct CutJSONTests {
    @Test(arguments: Speaking.both)
    func itBecomes502(_ speaking: Speaking) async throws {
        try await withServer { server, executor in
            let asked = Tongue.allCases.map {
                $0.request(stream: false, simulator: #""fault":"cut_json","prefill_ms":5"#)
            }
            for (tongue, seen) in zip(Tongue.allCases, try await server.exchange(asked, speaking)) {
                #expect(seen.status == 502)
                #expect(seen.body == tongue.errorBody(.brokeOff, requestID: seen.requestID))
                #expect(seen.isClean)
            }
            try await expect(executor.counters()) { $0.running.int == 0 }
        }
    }

    /// If the body ends with the connection, only its JSON shows whether the response is complete.
    @Test(arguments: Speaking.both)
    func aHalfThatEndsWithItsConnectionIsNoAnswer(_ speaking: Speaking) async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(executors: [executor.url])) { server in
            for (body, status) in [
                (#"{"object":"chat.completion","choices":[]}"#, 200), (#"{"object":"chat.comp"#, 502),
            ] {
                async let answered = server.exchange(Tongue.chat.request(stream: false), speaking)
                let connection = try await executor.accept()
                _ = try await connection.receiveRequest()
                try await connection.send("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n\(body)")
                connection.close()
                let seen = try await answered
                #expect(seen.status == status)
                if status == 200 { #expect(seen.body == body) } else { #expect(!seen.body.contains("chat.comp")) }
                #expect(seen.isClean)
            }
        }
    }
}
