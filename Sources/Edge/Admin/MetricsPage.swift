// The page `/metrics`: all counters, gauges and histograms.
internal import Inference
internal import Routing
internal import Transport

/// The page `/metrics` in Prometheus' text format; made on the control thread for each request.
///
/// Clients cannot create new time series, because no label value is text from a client.
struct MetricsPage {
    let server: AdminServer
    /// The counters, each summed over all workers.
    let counters: WorkerCounters
    /// The counters of each model that a request has named since the process started.
    ///
    /// Other models are left out, because each would add some 12 kB of zeros to the page. The last element has an empty
    /// label, and counts the requests that named no known model.
    private let models: [(label: String, counts: WorkerCounters.OfModel)]
    var text = PrometheusText()

    init(_ server: AdminServer) {
        self.server = server
        let counters = server.collector.sum
        self.counters = counters
        let used = server.snapshot.models.compactMap { model in
            counters.models[model.entry.id].map { (model.entry.name, $0) }
        }
        models = used + [("", counters.models[WorkerCounters.noModel] ?? WorkerCounters.OfModel())]
        writeConventions()
        writeExchanges()
        writeTokens()
        writeBillingBlocks()
        writePlacements()
        writeEdge()
        writeExecutors()
        writeConnections()
        writeProbes()
        writeProcess()
    }

    var bytes: [UInt8] { text.bytes }

    /// Writes the metrics that OpenTelemetry's conventions for generative AI define.
    ///
    /// The label names are the conventions' attribute names.
    private mutating func writeConventions() {
        perModel(
            "gen_ai_server_time_to_first_token_seconds",
            "From a request's head to the first token of its stream.",
            label: "gen_ai_request_model",
            \.firstToken
        )
        perModel(
            "gen_ai_server_time_per_output_token_seconds",
            "Of a stream that ended complete: the mean time of a token after the first.",
            label: "gen_ai_request_model",
            \.timePerToken
        )
        perModel(
            "gen_ai_server_request_duration_seconds",
            "From a request's head to the end of its exchange, whatever the end.",
            label: "gen_ai_request_model",
            \.duration
        )
        text.family(
            "gen_ai_client_token_usage",
            .histogram,
            "Tokens of an exchange, as its executor counted them; of streams without a count the events with text."
        )
        for (model, row) in models.dropLast() {
            for (type, histogram) in [("input", row.input), ("output", row.output)] {
                let labels = [("gen_ai_request_model", model), ("gen_ai_token_type", type)]
                text.histogram(labels, histogram, .none)
            }
        }
    }

    /// Writes one histogram in seconds for each model.
    private mutating func perModel(
        _ name: String,
        _ help: String,
        label: String = "model",
        _ histogram: KeyPath<WorkerCounters.OfModel, Histogram>
    ) {
        text.family(name, .histogram, help)
        for (model, row) in models.dropLast() {
            text.histogram([(label, model)], row[keyPath: histogram], .seconds)
        }
    }

    private mutating func writeExchanges() {
        text.family(
            "freeinference_exchanges_total",
            .counter,
            "Exchanges that are over, by how they ended and whose fault it was; those of no model have none."
        )
        for (model, row) in models {
            for (index, count) in row.ends.enumerated() where count > 0 || index == 0 {
                let labels = Ending.labels(at: index)
                text.sample([("model", model), ("end", labels.end), ("side", labels.side)], count)
            }
        }
        text.family(
            "freeinference_responses_total",
            .counter,
            "Exchanges that are over, by the status that the client was told, in its head or later in its stream."
        )
        for (model, row) in models {
            for (status, count) in row.statuses.sorted(by: { $0.key < $1.key }) {
                text.sample([("model", model), ("status", "\(status)")], count)
            }
        }
        text.family("freeinference_exchanges_in_flight", .gauge, "Exchanges under way, by phase.")
        for (index, phase) in ExchangeMachine.Phase.labels.enumerated() {
            text.sample([("phase", phase)], counters.phases[index])
        }
        text.family("freeinference_queue_length", .gauge, "Exchanges that wait for an executor.")
        for (model, row) in models.dropLast() {
            text.sample([("model", model)], row.queued)
        }
        text.family("freeinference_queue_length_by_priority", .gauge, "The same, by the priority of the requests.")
        // This metric and `freeinference_queue_length` leave out the models that no request has named.
        let used = Set(models.dropLast().map(\.0))
        for model in server.snapshot.models where used.contains(model.entry.name) {
            for (priority, count) in zip(PriorityClass.allCases, model.pool.waitingCounts) {
                text.sample([("model", model.entry.name), ("priority", priority.rawValue)], count)
            }
        }
        text.family(
            "freeinference_body_bytes_total",
            .counter,
            "Bytes of request bodies (in) and response bodies (out)."
        )
        text.sample([("direction", "in")], counters.bytesIn)
        text.sample([("direction", "out")], counters.bytesOut)
    }

    private mutating func writeTokens() {
        text.family(
            "freeinference_tokens_total",
            .counter,
            "Tokens of exchanges that are over; estimated where their executor said no count."
        )
        for (model, row) in models.dropLast() {
            for isInput in [true, false] {
                for isEstimated in [false, true] {
                    let kind = WorkerCounters.TokenKind(isInput: isInput, isEstimated: isEstimated)
                    let labels = [
                        ("model", model), ("direction", isInput ? "input" : "output"), ("estimated", "\(isEstimated)"),
                    ]
                    text.sample(labels, row.tokens[kind] ?? 0)
                }
            }
        }
        text.family(
            "freeinference_wasted_tokens_total",
            .counter,
            "Tokens received from an executor whose client was no longer there to take them."
        )
        let names = server.process.tenants.names
        for (index, count) in counters.wastedTokens.enumerated() where count > 0 {
            text.sample([("tenant", names[index])], count)
        }
    }

    private mutating func writeBillingBlocks() {
        text.family(
            "freeinference_billing_blocks_stripped_total",
            .counter,
            "Requests that were sent to an executor without the billing block that coding agents put first."
        )
        for (model, row) in models.dropLast() {
            text.sample([("model", model)], row.billingBlocksStripped)
        }
    }

    /// Writes for how many attempts the pool considered the prompt when it chose an executor, and how much of the
    /// prompts was cached.
    private mutating func writePlacements() {
        text.family(
            "freeinference_placements_total",
            .counter,
            "Attempts whose executor was chosen with the prompt in view, by the reason for the choice."
        )
        for (model, row) in models.dropLast() {
            for (reason, count) in row.placements.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                text.sample([("model", model), ("reason", reason.rawValue)], count)
            }
        }
        text.family(
            "freeinference_prefix_tokens_total",
            .counter,
            "Tokens of prompts that executors have counted, those believed to be cached, and those that were."
        )
        for (model, row) in models.dropLast() {
            text.sample([("model", model), ("kind", "prompt")], row.prefixTokens.prompt)
            text.sample([("model", model), ("kind", "believed")], row.prefixTokens.believed)
            text.sample([("model", model), ("kind", "cached")], row.prefixTokens.cached)
        }
    }

    private mutating func writeEdge() {
        perModel("freeinference_token_gap_seconds", "Between two tokens of a stream.", \.gap)
        perModel(
            "freeinference_queue_wait_seconds",
            "In the queue for an executor, of exchanges that had to wait.",
            \.queueWait
        )
        text.family(
            "freeinference_edge_overhead_seconds",
            .histogram,
            "What the edge itself takes: from the end of a request to its hand-over to an executor's connection, "
                + "less its queue (request), and from an answer's first event to the client's connection (answer)."
        )
        text.histogram([("part", "request")], counters.requestOverhead, .seconds)
        text.histogram([("part", "answer")], counters.answerOverhead, .seconds)
        text.family(
            "freeinference_abort_to_executor_seconds",
            .histogram,
            "From a client that left to its executor's connection closed, or its stream reset."
        )
        text.histogram([], counters.abortToExecutor, .seconds)
    }

    private mutating func writeExecutors() {
        let executors = executors
        let none = Array(repeating: UInt64(0), count: Ending.count)
        text.family("freeinference_attempts_total", .counter, "Attempts that are over, by how they ended.")
        for (model, labels, status) in executors {
            guard let model else { continue }
            let counts = model.attempts[status.executor.id] ?? none
            for (index, count) in counts.enumerated() where count > 0 || index == 0 {
                let ending = Ending.labels(at: index)
                text.sample(labels + [("end", ending.end), ("side", ending.side)], count)
            }
        }
        text.family("freeinference_executor_running", .gauge, "Attempts under way at an executor.")
        for (_, labels, status) in executors { text.sample(labels, status.executor.running) }
        text.family(
            "freeinference_executor_waiting_prompt_bytes",
            .gauge,
            "Prompts at an executor that have no first event yet."
        )
        for (_, labels, status) in executors { text.sample(labels, status.executor.waitingBytes) }
        text.family("freeinference_executor_usable", .gauge, "1 while requests may go to the executor.")
        for (_, labels, status) in executors { text.sample(labels, status.isUsable ? 1 : 0) }
        text.family("freeinference_executor_drained", .gauge, "1 while the operator has drained the executor.")
        for (_, labels, status) in executors { text.sample(labels, status.executor.isDrained ? 1 : 0) }
        text.family(
            "freeinference_executor_weight",
            .gauge,
            "The share of requests: the configured weight, or what the operator has ordered; 0 while drained."
        )
        for (_, labels, status) in executors { text.sample(labels, status.member.presentWeight) }
        text.family("freeinference_executor_state", .gauge, "1 for the state of health that the executor is in.")
        for (_, labels, status) in executors {
            for state in ExecutorPool.Status.labels {
                text.sample(labels + [("state", state)], status.label == state ? 1 : 0)
            }
        }
    }

    /// The executors of all models, with their labels and their states.
    ///
    /// `model` has the counters of the executor's model; it is nil if no request has named that model since the process
    /// started.
    private var executors: [(model: WorkerCounters.OfModel?, labels: [(String, String)], ExecutorPool.Status)] {
        server.snapshot.models.flatMap { model in
            var unique = UniqueLabels()
            return model.pool.statuses(at: server.loop.now).map { status in
                let label = unique.label(status.executor.name)
                let counts = counters.models[model.entry.id]
                return (counts, [("model", model.entry.name), ("executor", label)], status)
            }
        }
    }
}
