import Testing

/// An executor that accepts a request and sends nothing.
@Suite struct NoAnswerTests {
    @Test(arguments: Speaking.both, [true, false])
    func aDeadlineAnswers504(_ speaking: Speaking, stream: Bool) async throws {
        try await withServer(settings: "timeouts: {first_event: 1s, response: 1s}") { server, executor in
            let asked = Tongue.allCases.map { $0.request(stream: stream, simulator: #""fault":"no_answer""#) }
            let told = stream ? Told.noFirstEvent : .noResponse
            for (tongue, seen) in zip(Tongue.allCases, try await server.exchange(asked, speaking)) {
                #expect(seen.status == 504)
                #expect(seen.body == tongue.errorBody(told, requestID: seen.requestID))
                #expect(seen.isClean)
                try await expect(server.logged(seen).end.string, is: told.label)
            }
            // The server aborts the request, so the executor does not work for it any longer.
            try await executor.counter("aborted", reaches: Tongue.allCases.count)
            try await expect(executor.counters()) { $0.running.int == 0 }
        }
    }

    /// A response head alone does not stop the deadline for the first event.
    @Test(arguments: Speaking.both)
    func aHeadWithoutAnEventDoesNotCount(_ speaking: Speaking) async throws {
        try await withServer(settings: "timeouts: {first_event: 1s}") { server, executor in
            let seen = try await server.exchange(Tongue.chat.request(simulator: #""prefill_ms":60000"#), speaking)
            #expect(seen.status == 504)
            #expect(seen.body == Tongue.chat.errorBody(.noFirstEvent, requestID: seen.requestID))
            try await executor.counter("aborted", reaches: 1)
        }
    }
}
