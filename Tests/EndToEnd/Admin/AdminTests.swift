import Testing

/// The admin listener: metrics and health.
@Suite struct AdminTests {
    @Test func metricsTellOfAStream() async throws {
        try await withServer { server, executor in
            let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 5))
            #expect(answer.status == 200)
            _ = try await server.logged("the stream") { $0.stream.bool == true }
            let page = try await server.admin("/metrics")
            #expect(page.status == 200)
            #expect(page["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let metrics = try Exposition(page.body)
            let convention = ["gen_ai_request_model": "demo"]
            for name in ["time_to_first_token", "time_per_output_token", "request_duration"] {
                #expect(metrics["gen_ai_server_\(name)_seconds_count", convention] == 1, "\(name)")
            }
            let output = convention.merging(["gen_ai_token_type": "output"]) { $1 }
            #expect(metrics["gen_ai_client_token_usage_sum", output] == 5)
            #expect(metrics["gen_ai_client_token_usage_count", output] == 1)
            // One less than there are tokens.
            #expect(metrics["freeinference_token_gap_seconds_count", ["model": "demo"]] == 4)
            let complete = ["model": "demo", "end": "complete", "side": ""]
            #expect(metrics["freeinference_exchanges_total", complete] == 1)
            #expect(metrics["freeinference_edge_overhead_seconds_count", ["part": "request"]] == 1)
            #expect(metrics["freeinference_edge_overhead_seconds_count", ["part": "answer"]] == 1)
            let exact = ["model": "demo", "direction": "output", "estimated": "false"]
            #expect(metrics["freeinference_tokens_total", exact] == 5)
            let attempts = ["model": "demo", "executor": executor.url, "end": "complete", "side": ""]
            #expect(metrics["freeinference_attempts_total", attempts] == 1)
            #expect(metrics["freeinference_executor_usable", ["model": "demo", "executor": executor.url]] == 1)
            #expect(metrics["freeinference_memory_limit_bytes"] == Double(1 << 30))
            #expect(metrics["freeinference_memory_used_bytes"].map { $0 < Double(1 << 30) } == true)
            #expect(metrics["freeinference_workers_heard"] == metrics["freeinference_workers"])
        }
    }

    @Test func gaugesTellOfWhatIsUnderWay() async throws {
        try await withServer { server, executor in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let body = chat(tokens: 1000, more: #""simulator":{"pace":20}"#)
            let child = try await server.streamingCurl(body: body, in: scratch)
            let metrics = try await eventually("the stream") {
                let metrics = try await server.metrics()
                return metrics["freeinference_exchanges_in_flight", ["phase": "relay"]] == 1 ? metrics : nil
            }
            #expect(metrics["freeinference_executor_running", ["model": "demo", "executor": executor.url]] == 1)
            #expect(metrics["freeinference_connections"].map { $0 >= 1 } == true)
            #expect(metrics["freeinference_queue_length", ["model": "demo"]] == 0)
            try await child.stop()
            try await executor.counter("aborted", reaches: 1)
            _ = try await server.logged("the client that left") { $0.end.string == "client_left" }
            let after = try await server.metrics()
            #expect(after["freeinference_abort_to_executor_seconds_count"] == 1)
            #expect(after["freeinference_exchanges_in_flight", ["phase": "relay"]] == 0)
            let left = ["model": "demo", "end": "client_left", "side": "client"]
            #expect(after["freeinference_exchanges_total", left] == 1)
        }
    }

    @Test func livenessReadinessAndDepth() async throws {
        try await withServer(executor: ["--fault", "status:503"]) { server, executor in
            #expect(try await server.admin("/health").status == 200)
            let ready = try await server.admin("/health/ready")
            #expect(ready.status == 200)
            #expect(try ready.json.status.string == "ready")
            let deep = try await server.admin("/health/deep")
            #expect(deep.status == 200)
            let json = try deep.json
            #expect(json.models[0].id.string == "demo")
            #expect(json.models[0].usable.bool == true)
            #expect(json.models[0].executors[0].url.string == executor.url)
            #expect(json.models[0].executors[0].state.string == "healthy")
            #expect(json.models[0].executors[0].running.int == 0)
            #expect(json.memory_limit_bytes.int == 1 << 30)
            #expect(json.workers.int.map { $0 > 0 } == true)
            #expect(json.version.string?.isEmpty == false)
            #expect(try await server.admin("/nothing").status == 404)
            #expect(try await server.admin("/metrics", method: "POST").status == 405)
            let head = try await run("curl", ["--head", "--silent", "--show-error", server.admin + "/metrics"])
            #expect(head.succeeded && head.output.hasPrefix("HTTP/1.1 200"))
            // Public, too: for a load balancer in front of it.
            #expect(try await server.curl("/health/ready").status == 200)
            #expect(try await server.curl("/metrics").status == 404)
            #expect(try await server.curl("/health/deep").status == 404)
        }
    }

    @Test func aDrainIsNotReadyAndStillAlive() async throws {
        try await withServer(settings: "drain_timeout: 20s") { server, executor in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let body = chat(tokens: 10_000, more: #""simulator":{"pace":20}"#)
            let child = try await server.streamingCurl(body: body, in: scratch)
            try await executor.counter("running", reaches: 1)
            server.process.signal(15)
            _ = try await eventually("not ready") { try await server.admin("/health/ready").status == 503 ? true : nil }
            #expect(try await server.admin("/health").status == 200)
            #expect(try await server.admin("/metrics").status == 200)
            try await child.stop()
            #expect(try await server.process.ending() == .exited(0))
        }
    }

    @Test func anAddressInUseIsAStartError() async throws {
        try await withServer(Configuration(executors: ["http://127.0.0.1:1"])) { first in
            var second = Configuration(executors: ["http://127.0.0.1:1"])
            second.admin = first.configuration.admin
            let scratch = try Scratch()
            defer { scratch.remove() }
            let file = try scratch.write(second.yaml(first.certificates), to: "freeinference.yaml")
            let seen = try await run(Repository.binary, ["serve", "--config", file])
            #expect(seen.status == .exited(1))
            #expect(seen.errors.contains("cannot start: admin.address: cannot listen on 127.0.0.1:\(second.admin)"))
            #expect(try await first.admin("/health").status == 200)
        }
    }

    @Test func itMayBeAUnixSocketAndCheckWarnsOfAPublicOne() async throws {
        let scratch = try Scratch()
        defer { scratch.remove() }
        func yaml(_ admin: String) -> String {
            """
            listeners: [{address: "127.0.0.1:\(Port.free())"}]
            admin: {address: "\(admin)"}
            models:
              - id: demo
                executors: [{url: "http://127.0.0.1:1"}]
            """
        }
        try await withServer(Configuration(), yaml: yaml("unix:\(scratch.file("admin.sock"))")) { server in
            let unix = ["--unix-socket", scratch.file("admin.sock"), "--silent", "http://admin/health/ready"]
            let seen = try await run("curl", unix)
            #expect(seen.output == #"{"status":"ready"}"#)
        }
        let file = try scratch.write(yaml("0.0.0.0:\(Port.free())"), to: "public.yaml")
        let seen = try await run(Repository.binary, ["check", "--config", file])
        #expect(seen.status == .exited(0))
        #expect(seen.output.contains("warning: admin.address: others can reach 0.0.0.0:"))
    }
}
