import Testing

/// Health probes: a dead executor gets no requests, and a recovered one gets its share again.
@Suite struct HealthProbeTests {
    /// - Parameter timeout: Timeout of a probe; long enough for a healthy executor on a busy machine.
    private func configuration(_ urls: [String], timeout: String) -> Configuration {
        let health = "health: {interval: 100ms, timeout: \(timeout), rise: 2, fall: 2}"
        let executors = urls.map { "{url: '\($0)', \(health)}" }.joined(separator: ", ")
        return Configuration(models: "- {id: demo, balance: round-robin, executors: [\(executors)]}")
    }

    @Test func aStoppedExecutorIsLeftOutWithoutARequest() async throws {
        try await withExecutor { hung in
            try await withExecutor { good in
                try await withServer(configuration([hung.url, good.url], timeout: "2s")) { server in
                    try await hung.counter("requests", reaches: 2)
                    hung.process.signal(19)
                    // Two probes time out, and then the executor is ejected.
                    try await eventually("it is left out") {
                        let labels = ["model": "demo", "executor": hung.url]
                        return try await server.metrics()["freeinference_executor_usable", labels] == 0 ? true : nil
                    }
                    for _ in 0..<6 {
                        try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                    }
                    let log = try await server.settledLog()
                    #expect(log.allSatisfy { $0.attempts.int == 1 && $0.executor.string == good.url }, "\(log)")
                    hung.process.signal(18)
                    _ = try await eventually("it is used again") { () async throws -> Bool? in
                        _ = try await server.curl("/v1/chat/completions", body: chat(tokens: 1))
                        return server.log.contains { $0.executor.string == hung.url } ? true : nil
                    }
                }
            }
        }
    }

    @Test func oneThatLoadsItsModelIsNotReadyAndNotDead() async throws {
        let loading = try HandMadeExecutor()
        try await withExecutor { good in
            try await withServer(configuration([loading.url, good.url], timeout: "60s")) { server in
                let body = #"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#
                let probing = try await loading.accept()
                for _ in 0..<3 {
                    let request = try await probing.receiveRequest()
                    #expect(request.line == "GET /health HTTP/1.1")
                    try await probing.send(
                        "HTTP/1.1 503 Unavailable\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                    )
                }
                for _ in 0..<4 {
                    try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                }
                let log = try await server.settledLog()
                #expect(log.allSatisfy { $0.executor.string == good.url && $0.attempts.int == 1 }, "\(log)")
                probing.close()
            }
        }
    }
}
