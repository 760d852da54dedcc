import Testing

/// Ten thousand exchanges that end in every way: each has one log line, and log, metrics and executors agree on the
/// counts.
@Suite struct EndingsTests {
    private static let count = 10_000

    /// The number of events that all executors together have sent, as their counters report it.
    private struct Emission {
        var total = 0
        /// For each exchange whose client left, by request id: the events that its executor had sent by then.
        var aborted: [String: Int] = [:]

        init(_ executors: [Executor]) async throws {
            for executor in executors {
                total += try await executor.counters().emitted.int ?? 0
                for entry in try await executor.get("/simulator/aborts").json.array {
                    guard let id = entry.request_id.string, let emitted = entry.emitted.int else { continue }
                    aborted[id] = emitted
                }
            }
        }
    }

    @Test(arguments: [[String](), ["h2"]]) func everyEndingIsAccountedFor(protocols: [String]) async throws {
        try await withExecutor { one in
            try await withExecutor { two in
                try await withExecutor { three in
                    let executors = [one, two, three]
                    let more = protocols.map { "\n      protocol: \($0)" }.joined()
                    let models =
                        "- id: demo\n  executors:\n"
                        + executors.map { "    - url: \($0.url)\(more)\n" }.joined()
                    // Half of the exchanges open a new connection each. A fast machine opens them faster than the
                    // default limit for one address allows.
                    let settings = "limits: {per_address: {new_connections: off}}"
                    try await withServer(Configuration(settings: settings, models: models)) { server in
                        try await account(server, executors)
                    }
                }
            }
        }
    }

    private func account(_ server: Server, _ executors: [Executor]) async throws {
        let completed = try await run(
            Repository.python,
            [Repository.clients + "/endings.py"] + server.target(secure: true)
                + ["--clear", "\(server.configuration.clear)", "--count", "\(Self.count)"],
            within: .seconds(900)
        )
        let told = completed.lines.filter { $0.id.string != nil }
        try #require(told.count == Self.count, "\(completed.output.suffix(2000))\n\(completed.errors)")
        let log = try await eventually("a line for each", within: .seconds(120)) { () -> [JSON]? in
            let log = server.log
            return log.count >= Self.count ? log : nil
        }
        #expect(log.count == Self.count)
        let lines = Dictionary(log.map { ($0.request_id.string ?? "", $0) }) { first, _ in
            Issue.record("two lines for \(first.request_id)")
            return first
        }
        for executor in executors {
            _ = try await eventually("its end") { try await executor.counters().running.int == 0 ? true : nil }
        }
        let emission = try await Emission(executors)
        var emittedForOthers = 0
        var toldComplete = 0
        var kinds: [String: Int] = [:]
        for one in told {
            let line = try #require(lines[one.id.string ?? ""])
            let (kind, seen, planned) = (one.kind.string ?? "", one.seen.int ?? -1, one.tokens.int ?? -1)
            kinds[kind, default: 0] += 1
            guard kind != "unknown" else {
                #expect(line.end.string == "model_not_found")
                #expect(line.tokens.isNull)
                continue
            }
            let tokens = try #require(line.tokens.int)
            #expect(line.prompt_tokens.int.map { $0 >= 0 } == true, "\(String(describing: line.prompt_tokens.int))")
            let emitted: Int
            switch kind {
            case "whole", "document":
                #expect(line.end.string == "complete")
                #expect(line.tokens_estimated.bool == false)
                #expect(tokens == planned)
                #expect(line.prompt_tokens_estimated.bool == false)
                emitted = planned
                // The executors' counters count only the events of streams, so a response without a stream does not add
                // to `toldComplete`.
                guard kind == "whole" else { break }
                #expect(seen == planned)
                toldComplete += tokens
            case "left":
                #expect(line.end.string == "client_left")
                #expect(line.tokens_estimated.bool == true)
                // The executor has recorded that the client left, unless this was before the request reached the
                // executor.
                emitted = emission.aborted[one.id.string ?? ""] ?? 0
                emittedForOthers += emitted
            case "broken":
                #expect(line.end.string == "executor_broke_off")
                #expect(line.tokens_estimated.bool == true)
                emitted = one.after.int ?? -1
                emittedForOthers += emitted
            case "refused", "failed":
                #expect(tokens == 0)
                #expect(line.tokens_estimated.bool == true)
                emitted = 0
            default: throw Unmet("kind \(kind)")
            }
            #expect(seen <= tokens && tokens <= emitted, "\(one.id): \(seen), \(tokens), \(emitted)")
        }
        #expect(kinds.count == 7)
        // The sum of the tokens of complete exchanges equals exactly what the executors count.
        #expect(toldComplete == emission.total - emittedForOthers)
        try check(try await server.metrics(), against: log)
    }

    private func check(_ metrics: Exposition, against log: [JSON]) throws {
        for end in Set(log.compactMap(\.end.string)) {
            #expect(metrics.sum("freeinference_exchanges_total", ["end": end]) == log.count { $0.end.string == end })
        }
        #expect(metrics.sum("freeinference_exchanges_total") == log.count)
        #expect(metrics.sum("freeinference_exchanges_total", ["model": "demo"]) == log.count { !$0.model.isNull })
        #expect(metrics.sum("freeinference_attempts_total") == log.reduce(0) { $0 + ($1.attempts.int ?? 0) })
        for isEstimated in [true, false] {
            let output = log.filter { $0.tokens_estimated.bool == isEstimated }
            let input = log.filter { $0.prompt_tokens_estimated.bool == isEstimated }
            let labels = ["model": "demo", "estimated": "\(isEstimated)"]
            #expect(
                metrics.sum("freeinference_tokens_total", labels.merging(["direction": "output"]) { $1 })
                    == output.reduce(0) { $0 + ($1.tokens.int ?? 0) }
            )
            #expect(
                metrics.sum("freeinference_tokens_total", labels.merging(["direction": "input"]) { $1 })
                    == input.reduce(0) { $0 + ($1.prompt_tokens.int ?? 0) }
            )
        }
        #expect(
            metrics.sum("gen_ai_server_time_to_first_token_seconds_count") == log.count { !$0.first_token_ms.isNull }
        )
        #expect(metrics.sum("gen_ai_server_request_duration_seconds_count") == log.count { !$0.model.isNull })
        for (direction, field) in [("in", "bytes_in"), ("out", "bytes_out")] {
            #expect(
                metrics.sum("freeinference_body_bytes_total", ["direction": direction])
                    == log.reduce(0) { $0 + ($1[field].int ?? 0) }
            )
        }
        #expect(metrics.sum("freeinference_exchanges_in_flight") == 0)
        #expect(metrics.sum("freeinference_abort_to_executor_seconds_count") > 0)
    }
}
