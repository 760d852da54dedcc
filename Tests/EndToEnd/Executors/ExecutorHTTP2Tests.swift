import Testing

/// The server speaks HTTP/2 to executors: shared connections, GOAWAY, faults of single streams, clients that leave.
@Suite struct ExecutorHTTP2Tests {
    private func model(_ url: String, more: String = "") -> String {
        "- {id: demo, executors: [{url: '\(url)', protocol: h2, health: {interval: 0s}\(more)}]}"
    }

    @Test func manyStreamsShareFewConnections() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(["--streams", "40", "--prefill", "2s"]) { executor in
            let configuration = Configuration(settings: "workers: 1", models: model(executor.url))
            try await withServer(configuration) { server in
                let accepted = try await executor.counters().connections_accepted.int ?? 0
                let body = try scratch.write(chat(tokens: 10), to: "body.json")
                let load = ["-n", "100", "-c", "1", "-m", "100", "-d", body, "-H", "content-type: application/json"]
                let seen = try await run("h2load", load + [server.tls + "/v1/chat/completions"], within: .seconds(300))
                #expect(seen.output.contains(" 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout"))
                let counters = try await executor.counters()
                // The request for the counters opens one more connection, which is subtracted.
                #expect((counters.connections_accepted.int ?? 0) - accepted - 1 == 3)
                #expect(counters.finished.int == 100)
            }
        }
    }

    @Test func aUnixSocketMaySpeakHTTP2() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor(at: .unix(path: scratch.file("executor.sock"))) { executor in
            try await withServer(Configuration(models: model(executor.url))) { server in
                let answer = try await server.curl("/v1/chat/completions", body: chat())
                #expect(eventData(answer.body).last == "[DONE]")
                try await expect(executor.get("/simulator/last")) { try $0.json.version.string == "http2" }
            }
        }
    }

    @Test func anExecutorThatSpeaksNoHTTP2SeesNoRequest() async throws {
        let executor = try HandMadeExecutor()
        try await withServer(Configuration(models: model(executor.url))) { server in
            async let answering = server.curl("/v1/chat/completions", body: chat(prompt: "a secret"))
            let connection = try await executor.accept()
            try await connection.send("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            let answer = try await answering
            #expect(answer.status == 502)
            let line = try await server.logged("the refusal") { $0.request_id.string == answer["x-request-id"] }
            #expect(line.end.string == "executor_protocol")
            #expect(line.detail.string == "it speaks no HTTP/2")
            connection.close()
        }
    }

    /// 100 streams: the executor accepts 60 and sends GOAWAY; the other 40 move to another connection.
    @Test(arguments: [true, false]) func goAwayLosesNoStream(stream: Bool) async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        let port = Port.free()
        let script = [
            Repository.clients + "/h2_executor.py", "--port", "\(port)", "--requests", "100", "--accept", "60",
        ]
        let executor = try await ChildProcess.start(Repository.python, script, in: scratch)
        _ = try await eventually("the executor") { executor.output.contains("ready") ? true : nil }
        let configuration = Configuration(settings: "workers: 1", models: model("http://127.0.0.1:\(port)"))
        try await withServer(configuration) { server in
            let body = try scratch.write(chat(stream: stream), to: "body.json")
            let load = ["-n", "100", "-c", "1", "-m", "100", "-d", body, "-H", "content-type: application/json"]
            let seen = try await run("h2load", load + [server.tls + "/v1/chat/completions"], within: .seconds(300))
            #expect(seen.output.contains(" 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout"), "\(seen.output)")
            let log = try await server.settledLog()
            #expect(log.filter { $0.end.string == "complete" && $0.status.int == 200 }.count == 100, "\(log)")
        }
        try await executor.stop()
        let report = try JSON(parsing: executor.output.split(separator: "\n").last.map(String.init) ?? "")
        #expect(report.accepted[0].int == 60)
        #expect(report.accepted[1].int == 40)
        #expect(report.finished.int == 100)
        #expect(report.refused.int == 40)
        #expect(report.connections.int == 2)
    }

    @Test func aFaultOfOneStreamIsNoneOfItsSiblings() async throws {
        try await withExecutor { executor in
            try await withServer(Configuration(settings: "workers: 1", models: model(executor.url))) { server in
                async let whole = server.curl("/v1/chat/completions", body: chat(tokens: 30))
                // The client uses HTTP/1.1, because curl 7.88 drops DATA that arrives in one read with RST_STREAM.
                async let broken = server.curl(
                    "/v1/chat/completions",
                    .http1,
                    body: chat(tokens: 30, more: #""simulator":{"fault":"die_after:5"}"#)
                )
                let (good, bad) = try await (whole, broken)
                #expect(eventData(good.body).last == "[DONE]")
                #expect(good.exitCode == 0)
                #expect(bad.exitCode == 18)
                #expect(bad.body.contains(#""finish_reason":"error""#))
            }
        }
    }

    @Test func aClientThatLeavesResetsItsStreamAlone() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        try await withExecutor { executor in
            try await withServer(Configuration(settings: "workers: 1", models: model(executor.url))) { server in
                let leaving = try await server.streamingCurl(body: chat(tokens: 100_000), in: scratch)
                let staying = try await server.streamingCurl(body: chat(tokens: 100), in: scratch)
                _ = try await eventually("both streams") {
                    leaving.output.contains("data:") && staying.output.contains("data:") ? true : nil
                }
                leaving.signal(9)
                try await executor.counter("aborted", reaches: 1)
                try await expect(staying.ending()) { $0 == .exited(0) }
                #expect(eventData(staying.output).last == "[DONE]")
            }
        }
    }

    @Test func aSlowReaderSlowsItsOwnStreamOnly() async throws {
        try await withExecutor(["--pace", "0"]) { executor in
            try await withServer(Configuration(settings: "workers: 1", models: model(executor.url))) { server in
                let slow = try await server.connect()
                let body = chat(tokens: 1_000_000)
                try await slow.send(
                    "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: \(body.utf8.count)\r\n\r\n\(body)"
                )
                // The slow client reads nothing. So the executor stops once the flow-control windows and buffers
                // between them are full.
                let held = try await executor.emittedWhenStill(behind: server)
                #expect(held < 100_000)
                let quick = try await server.curl("/v1/chat/completions", body: chat(tokens: 20_000))
                #expect(eventData(quick.body).last == "[DONE]")
                try await expect(executor.counters().emitted.int, is: held + 20_000)
                slow.close()
                try await executor.counter("aborted", reaches: 1)
            }
        }
    }
}
