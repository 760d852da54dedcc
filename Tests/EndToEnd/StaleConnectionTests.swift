import Testing

/// An executor may close an idle connection just when the edge sends a request on it.
///
/// The edge then sends the request again on a new connection, and the client does not notice.
@Suite struct StaleConnectionTests {
    private func ask(_ client: RawConnection) async throws {
        let body = chat(stream: false)
        try await client.send(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
    }

    @Test func aConnectionThatClosesUnderARequestIsReplaced() async throws {
        let executor = try HandMadeExecutor()
        let configuration = Configuration(executors: [executor.url], settings: "workers: 1")
        try await withServer(configuration) { server in
            let client = try await server.connect()
            try await ask(client)
            let first = try await executor.accept()
            _ = try await first.receiveRequest()
            try await first.answer(#"{"n":1,"choices":[]}"#)
            try await expect(client.receiveAnswer()) { try $0.json.n.int == 1 }

            try await ask(client)
            // The edge sends the request on the connection that it has kept, and the executor closes it.
            let request = try await first.receiveRequest()
            first.close()
            let second = try await executor.accept()
            let again = try await second.receiveRequest()
            #expect(again.line == request.line)
            #expect(again.body == request.body)
            try await second.answer(#"{"n":2,"choices":[]}"#)
            try await expect(client.receiveAnswer()) { try $0.json.n.int == 2 }
        }
    }

    @Test func aConnectionThatIsResetUnderARequestIsReplaced() async throws {
        let executor = try HandMadeExecutor()
        let configuration = Configuration(executors: [executor.url], settings: "workers: 1")
        try await withServer(configuration) { server in
            let client = try await server.connect()
            try await ask(client)
            let first = try await executor.accept()
            _ = try await first.receiveRequest()
            try await first.answer(#"{"n":1,"choices":[]}"#)
            try await expect(client.receiveAnswer()) { try $0.json.n.int == 1 }
            try await ask(client)
            _ = try await first.receiveRequest()
            first.reset()
            let second = try await executor.accept()
            _ = try await second.receiveRequest()
            try await second.answer(#"{"n":2,"choices":[]}"#)
            try await expect(client.receiveAnswer()) { try $0.json.n.int == 2 }
        }
    }

    @Test func aNewConnectionThatClosesIsNotTriedAgain() async throws {
        let executor = try HandMadeExecutor()
        let configuration = Configuration(executors: [executor.url], settings: "workers: 1")
        try await withServer(configuration) { server in
            let client = try await server.connect()
            try await ask(client)
            let first = try await executor.accept()
            _ = try await first.receiveRequest()
            first.close()
            try await expect(client.receiveAnswer()) { $0.status == 502 }
            await #expect(throws: Unmet.self) { try await executor.accept(within: .milliseconds(300)) }
        }
    }

    @Test func aReplacementIsMadeOnce() async throws {
        let executor = try HandMadeExecutor()
        let configuration = Configuration(executors: [executor.url], settings: "workers: 1")
        try await withServer(configuration) { server in
            let client = try await server.connect()
            try await ask(client)
            let first = try await executor.accept()
            _ = try await first.receiveRequest()
            try await first.answer(#"{"n":1,"choices":[]}"#)
            _ = try await client.receiveAnswer()
            try await ask(client)
            _ = try await first.receiveRequest()
            first.close()
            let second = try await executor.accept()
            _ = try await second.receiveRequest()
            second.close()
            try await expect(client.receiveAnswer()) { $0.status == 502 }
        }
    }

    @Test func anAnswerThatHadBegunIsNotAskedForAgain() async throws {
        let executor = try HandMadeExecutor()
        let configuration = Configuration(executors: [executor.url], settings: "workers: 1")
        try await withServer(configuration) { server in
            let client = try await server.connect()
            try await ask(client)
            let first = try await executor.accept()
            _ = try await first.receiveRequest()
            try await first.answer(#"{"n":1,"choices":[]}"#)
            _ = try await client.receiveAnswer()
            try await ask(client)
            _ = try await first.receiveRequest()
            try await first.send("HTTP/1.1 2")
            first.close()
            try await expect(client.receiveAnswer()) { $0.status == 502 }
        }
    }

    @Test func anExecutorThatIsRestartedIsFoundAgain() async throws {
        let address = SocketAddress.loopback(port: Port.free())
        let scratch = try Scratch()
        defer { scratch.remove() }
        let first = try await Executor.start(at: address, in: scratch)
        try await withServer(Configuration(executors: [first.url])) { server in
            try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
            first.process.signal(9)
            _ = try await first.process.ending()
            try await withExecutor(at: address) { _ in
                for speaking in [Protocol.http1, .http2] {
                    let answer = try await server.curl("/v1/chat/completions", speaking, body: chat())
                    #expect(answer.status == 200)
                }
            }
        }
    }

    @Test func anExecutorThatClosesSoonLosesNoRequest() async throws {
        let arguments = ["--idle-timeout", "50ms", "--prefill", "1ms"]
        try await withServer(executor: arguments, settings: "workers: 1") { server, executor in
            let client = try await server.connect()
            // The pauses are about as long as the executor's idle timeout, so that it often closes just when the
            // next request is sent.
            for number in 0..<40 {
                try await ask(client)
                try await expect(client.receiveAnswer()) { $0.status == 200 }
                try await Task.sleep(for: .milliseconds(44 + number % 10))
            }
            try await expect(executor.counters()) { $0.finished.int == 40 }
        }
    }
}
