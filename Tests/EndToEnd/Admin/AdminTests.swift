import Testing

/// The metrics and health endpoints of the admin listener.
@Suite struct AdminTests {
    @Test func metricsTellOfAStream() async throws {
        try await withServer { server, executor in
            let answer = try await server.curl("/v1/chat/completions", body: chat(tokens: 5))
            #expect(answer.status == 200)
            _ = try await server.logged("the stream") { $0.stream.bool == true }
            let page = try await server.admin("/metrics")
            #expect(page.status == 200)
            #expect(page["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
            let metrics = try await server.metrics()
            let convention = ["gen_ai_request_model": "demo"]
            for name in ["time_to_first_token", "time_per_output_token", "request_duration"] {
                #expect(metrics["gen_ai_server_\(name)_seconds_count", convention] == 1, "\(name)")
            }
            let output = convention.merging(["gen_ai_token_type": "output"]) { $1 }
            #expect(metrics["gen_ai_client_token_usage_sum", output] == 5)
            #expect(metrics["gen_ai_client_token_usage_count", output] == 1)
            // Five tokens have four gaps.
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
            #expect(
                metrics["freeinference_memory_used_bytes"].map { $0 < Double(1 << 30) } == true,
                "\(String(describing: metrics["freeinference_memory_used_bytes"]))"
            )
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
            #expect(
                metrics["freeinference_connections"].map { $0 >= 1 } == true,
                "\(String(describing: metrics["freeinference_connections"]))"
            )
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
            try await expect(server.admin("/health")) { $0.status == 200 }
            let ready = try await server.admin("/health/ready")
            #expect(ready.status == 200)
            try expect(ready.json) { $0.status.string == "ready" }
            let deep = try await server.admin("/health/deep")
            #expect(deep.status == 200)
            let json = try deep.json
            #expect(json.models[0].id.string == "demo")
            #expect(json.models[0].usable.bool == true)
            #expect(json.models[0].executors[0].url.string == executor.url)
            #expect(json.models[0].executors[0].state.string == "healthy")
            #expect(json.models[0].executors[0].running.int == 0)
            #expect(json.memory_limit_bytes.int == 1 << 30)
            #expect(json.workers.int.map { $0 > 0 } == true, "\(String(describing: json.workers.int))")
            #expect(json.version.string?.isEmpty == false, "\(String(describing: json.version.string))")
            try await expect(server.admin("/nothing")) { $0.status == 404 }
            try await expect(server.admin("/metrics", method: "POST")) { $0.status == 405 }
            let head = try await run("curl", ["--head", "--silent", "--show-error", server.admin + "/metrics"])
            #expect(head.succeeded)
            #expect(head.output.hasPrefix("HTTP/1.1 200"))
            // `/health/ready` is also on the public listener, for a load balancer in front of the server.
            try await expect(server.curl("/health/ready")) { $0.status == 200 }
            try await expect(server.curl("/metrics")) { $0.status == 404 }
            try await expect(server.curl("/health/deep")) { $0.status == 404 }
        }
    }

    @Test func aDrainIsNotReadyAndStillAlive() async throws {
        try await withServer(settings: "drain_timeout: 600s") { server, executor in
            let scratch = try Scratch()
            defer { scratch.remove() }
            let body = chat(tokens: 10_000, more: #""simulator":{"pace":20}"#)
            let child = try await server.streamingCurl(body: body, in: scratch)
            try await executor.counter("running", reaches: 1)
            server.process.signal(15)
            _ = try await eventually("not ready") { try await server.admin("/health/ready").status == 503 ? true : nil }
            try await expect(server.admin("/health")) { $0.status == 200 }
            try await expect(server.admin("/metrics")) { $0.status == 200 }
            try await child.stop()
            try await expect(server.process.ending()) { $0 == .exited(0) }
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
            try await expect(first.admin("/health")) { $0.status == 200 }
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
        #expect(seen.status == .exited(2))
        #expect(seen.output.contains("admin.address: others can reach 0.0.0.0:"), "\(seen)")
        #expect(seen.output.contains("list in admin.allow who may"), "\(seen)")
    }

    /// The admin listener refuses unknown names in `host`, methods that change something, and peers outside
    /// `admin.allow`.
    @Test func theAdminListenerOnlyReadsAndOnlyForWhomItMay() async throws {
        try await withExecutor { executor in
            let port = Port.free()
            let yaml = """
                listeners: [{address: "127.0.0.1:\(Port.free())"}]
                admin: {address: "0.0.0.0:\(port)", socket: off, hosts: [metrics.example], allow: [127.0.0.1/32]}
                models: [{id: demo, executors: [{url: "\(executor.url)"}]}]
                """
            func ask(_ arguments: String...) async throws -> String {
                let all = ["--silent", "--max-time", "20", "--write-out", " %{http_code}"] + arguments
                return try await run("curl", all).output
            }
            try await withServer(Configuration(), yaml: yaml) { _ in
                let url = "http://127.0.0.1:\(port)"
                for name in ["metrics.example", "localhost:\(port)", "127.0.0.1"] {
                    #expect(try await ask("\(url)/health", "--header", "host: \(name)").hasSuffix(" 200"), "\(name)")
                }
                let rebound = try await ask("\(url)/metrics", "--header", "host: evil.example")
                #expect(rebound.hasSuffix(" 403") && rebound.contains("admin.hosts"), "\(rebound)")
                let http2 = try await ask("--http2-prior-knowledge", "\(url)/", "--header", "host: evil.example")
                #expect(http2.hasSuffix(" 403"), "\(http2)")
                for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
                    #expect(try await ask("--request", method, "\(url)/health").hasSuffix(" 405"), "\(method)")
                }
                // 127.0.0.2 is not in `admin.allow`, so the server refuses the connection.
                #expect(try await ask("--interface", "127.0.0.2", "\(url)/health") == " 000")
                let page = try await ask("\(url)/metrics")
                #expect(page.contains("\nfreeinference_admin_connections_refused_total 1\n"))
            }
        }
    }

    /// A model without requests has only a few gauges and no counters, so the metrics page stays small.
    @Test func modelsThatNobodyUsesHaveNoCounters() async throws {
        try await withExecutor { executor in
            let idle = (0..<40).map { "- {id: idle\($0), executors: [{url: '\(executor.url)'}]}" }
            let configuration = Configuration(executors: [executor.url], models: idle.joined(separator: "\n"))
            try await withServer(configuration) { server in
                let before = try await server.admin("/metrics").body
                #expect(!before.contains("gen_ai_request_model=\"demo\""))
                #expect(before.utf8.count < 60_000)
                try await expect(server.curl("/v1/chat/completions", body: chat())) { $0.status == 200 }
                _ = try await server.logged("the chat") { $0.status.int == 200 }
                let page = try await server.admin("/metrics").body
                let metrics = try Exposition(page)
                #expect(metrics["gen_ai_server_request_duration_seconds_count", ["gen_ai_request_model": "demo"]] == 1)
                for line in page.split(separator: "\n") where line.contains("\"idle3\"") {
                    #expect(line.hasPrefix("freeinference_executor_"), "\(line)")
                }
                #expect(metrics["freeinference_executor_usable", ["model": "idle3", "executor": executor.url]] == 1)
            }
        }
    }

    @Test func theProcessAndItsConnectionsAreTold() async throws {
        try await withExecutor { executor in
            let yaml = Configuration(
                models: "- {id: demo, executors: [{url: '\(executor.url)', health: {interval: 20ms}}]}"
            )
            try await withServer(yaml) { server in
                _ = try await server.curl("/health")
                _ = try await run("curl", ["--silent", "--noproxy", "*", server.tls.replacing("https", with: "http")])
                _ = try await server.openSSL("-alpn spdy/3")
                // curl does not trust the certificate: exit code 60.
                let wary = ["--silent", "--noproxy", "*", server.tls + "/health"]
                try await expect(run("curl", wary)) { $0.status == .exited(60) }
                let probed = ["executor": executor.url, "result": "passed"]
                let metrics = try await eventually("what was done") {
                    let metrics = try await server.metrics()
                    let isThere =
                        metrics["freeinference_handshake_failures_total", ["cause": "refused_by_client"]] == 1
                        && metrics["freeinference_probes_total", probed].map { $0 > 0 } == true
                    return isThere ? metrics : nil
                }
                for cause in ["plain_http", "no_shared_protocol"] {
                    #expect(metrics["freeinference_handshake_failures_total", ["cause": cause]] == 1, "\(cause)")
                }
                #expect(metrics["freeinference_connections_accepted_total"] == 4)
                #expect(metrics["freeinference_accept_pauses_total", ["cause": "memory_limit"]] == 0)
                let certificate = [
                    "listener": "127.0.0.1:\(server.configuration.tls)", "chain": server.certificates.chain,
                    "name": "localhost",
                ]
                let expiry = metrics["freeinference_certificate_expiry_timestamp_seconds", certificate]
                #expect(expiry.map { $0 > 1_780_000_000 } == true, "\(String(describing: expiry))")
                #expect(
                    metrics["process_open_fds"].map { $0 > 5 } == true,
                    "\(String(describing: metrics["process_open_fds"]))"
                )
                #expect(
                    metrics["process_max_fds"].map { $0 >= 1024 } == true,
                    "\(String(describing: metrics["process_max_fds"]))"
                )
                #expect(
                    metrics["process_resident_memory_bytes"].map { $0 > 1_048_576 } == true,
                    "\(String(describing: metrics["process_resident_memory_bytes"]))"
                )
                #expect(
                    metrics["process_cpu_seconds_total"].map { $0 > 0 } == true,
                    "\(String(describing: metrics["process_cpu_seconds_total"]))"
                )
                #expect(
                    metrics["process_start_time_seconds"].map { $0 > 1_780_000_000 } == true,
                    "\(String(describing: metrics["process_start_time_seconds"]))"
                )
                #expect(
                    metrics["process_threads"].map { $0 > 2 } == true,
                    "\(String(describing: metrics["process_threads"]))"
                )
            }
        }
    }
}
