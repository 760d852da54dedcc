import Testing

/// Tests that the executors of a model get requests in turn with `balance: round-robin`.
@Suite struct TurnTests {
    @Test func eachGetsItsShare() async throws {
        try await withExecutor { first in
            try await withExecutor { second in
                try await withExecutor { third in
                    let all = [first, second, third]
                    let urls = all.map { "{url: '\($0.url)', health: {interval: 0s}}" }.joined(separator: ", ")
                    let configuration = Configuration(
                        settings: "workers: 1",
                        models: "- {id: demo, balance: round-robin, executors: [\(urls)]}"
                    )
                    try await withServer(configuration) { server in
                        let client = try await server.connect()
                        let body = chat(stream: false, tokens: 1)
                        for _ in 0..<12 {
                            try await client.send(
                                """
                                POST /v1/chat/completions HTTP/1.1\r
                                host: x\r
                                content-length: \(body.utf8.count)\r
                                \r
                                \(body)
                                """
                            )
                            try await expect(client.receiveAnswer()) { $0.status == 200 }
                        }
                        for executor in all { try await expect(executor.counters()) { $0.finished.int == 4 } }
                        // Two connections to the executor are open: the one that the edge keeps for reuse, and the one
                        // on which the test asks for the counters. An earlier one of the test may take a moment to
                        // close.
                        for executor in all {
                            try await eventually("one connection") {
                                try await executor.counters().connections.int == 2 ? true : nil
                            }
                        }
                    }
                }
            }
        }
    }
}
