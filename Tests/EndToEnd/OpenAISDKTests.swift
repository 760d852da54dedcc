import Testing

/// Tests the server with the official OpenAI Python SDK as the client, over TLS with a development certificate.
@Suite struct OpenAISDKTests {
    @Test(arguments: [false, true])
    func streamsWithUsageWhenItIsAskedFor(http2: Bool) async throws {
        try await withServer { server, executor in
            let seen = try await server.openAISDK("stream", http2: http2)
            #expect(seen.first?.http.string == (http2 ? "HTTP/2" : "HTTP/1.1"))
            #expect(seen.first?.events.int == 8)
            #expect(seen.first?.completion_tokens.int == 8)
            try await executor.counter("finished", reaches: 1)
            try await expect(executor.counters()) { $0.aborted.int == 0 }
        }
    }

    @Test(arguments: [false, true])
    func streamsWithoutUsageWhenItIsNotAskedFor(http2: Bool) async throws {
        try await withServer { server, _ in
            let asked = try await server.openAISDK("stream", http2: http2)
            let plain = try await server.openAISDK("plainstream", http2: http2)
            #expect(plain.first?.text == asked.first?.text)
        }
    }

    @Test(arguments: [false, true])
    func getsWholeAnswers(http2: Bool) async throws {
        try await withServer { server, _ in
            let streamed = try await server.openAISDK("stream", http2: http2)
            let whole = try await server.openAISDK("nonstream", http2: http2)
            #expect(whole.first?.text == streamed.first?.text)
            #expect(whole.first?.http.string == (http2 ? "HTTP/2" : "HTTP/1.1"))
            #expect(whole.first?.completion_tokens.int == 8)
        }
    }

    @Test(arguments: [false, true])
    func listsModelsAndEmbeds(http2: Bool) async throws {
        try await withServer { server, _ in
            let listed = try await server.openAISDK("models", http2: http2)
            #expect(listed.first?.models == .array([.string("demo")]))
            let embedded = try await server.openAISDK("embeddings", http2: http2)
            #expect(embedded.first?["count"].int == 2)
        }
    }

    @Test(arguments: [false, true])
    func anUnknownModelIsItsNotFoundError(http2: Bool) async throws {
        try await withServer { server, _ in
            let seen = try await server.openAISDK("unknown", http2: http2)
            #expect(seen.first?.body.code.string == "model_not_found")
        }
    }

    @Test(arguments: [false, true])
    func aCancelledStreamIsAbortedAtTheExecutor(http2: Bool) async throws {
        try await withServer { server, executor in
            let seen = try await server.openAISDK("cancel", http2: http2, arguments: ["--tokens", "100000"])
            #expect(seen.last?.served_after.bool == true)
            try await executor.counter("aborted", reaches: 1)
            let counters = try await executor.counters()
            #expect(counters.running.int == 0)
            #expect(counters.finished.int == 0)
        }
    }

    @Test(arguments: [false, true])
    func aStreamThatWasReadToItsEndIsNoAbort(http2: Bool) async throws {
        try await withServer { server, executor in
            _ = try await server.openAISDK("plainstream", http2: http2)
            try await executor.counter("finished", reaches: 1)
            try await expect(executor.counters()) { $0.aborted.int == 0 }
            let log = try await server.settledLog().filter { $0.stream.bool == true }
            #expect(log.map(\.end.string) == ["complete"])
        }
    }
}
