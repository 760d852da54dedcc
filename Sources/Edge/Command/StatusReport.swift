// The answer to `freeinference status`: the state of the process, its models and its certificates, as JSON.
internal import Glibc
internal import Configuration
internal import Inference
internal import Routing
internal import Transport

/// The answer to the command `status`; made on the control thread for each request.
struct StatusReport {
    private(set) var json: [UInt8] = []
    private let server: AdminServer
    private var writer = JSONWriter(reserving: 4096)
    /// The time when the report was made, on the clock of the control thread's event loop.
    private let now: Nanoseconds
    /// The wall time when the report was made, in seconds since 1970.
    private let wallTime = Clock.wallTime().seconds

    init(_ server: AdminServer) {
        self.server = server
        now = server.loop.now
        writer.beginObject()
        writeProcess()
        writeUpgrades()
        writeMaintenance()
        writer.key("models")
        writer.beginArray()
        for model in server.snapshot.models { write(model) }
        writer.endArray()
        writeOrders()
        writeCertificates()
        writer.endObject()
        json = writer.bytes
    }

    private mutating func writeProcess() {
        let (process, started) = (server.process, server.process.processStart / 1000)
        writer.field("version", Build.version)
        writer.field("state", server.state.rawValue)
        writer.field("started", Timestamp.rfc3339(seconds: started))
        writer.field("uptime_seconds", max(0, wallTime - started))
        writer.key("configuration")
        DeepHealth.write(server.running, to: &writer)
        writer.field("workers", server.workers)
        writer.field("connections", process.connectionCount)
        writer.field("connections_max", process.room(server.snapshot).most)
        writer.field("exchanges", process.load.exchanges)
        writer.field("memory_used_bytes", process.budget.used)
        writer.field("memory_limit_bytes", process.budget.limit)
    }

    /// Writes which process this is, the last upgrade if it has failed, and the older processes that still drain.
    private mutating func writeUpgrades() {
        writer.field("process", Int(getpid()))
        writer.field("process_number", server.processNumber)
        if let failure = server.upgrader?.lastFailure {
            DeepHealth.write("upgrade_failed", at: failure.at, failure.lines, to: &writer)
        }
        writer.key("draining")
        writer.beginArray()
        for (facts, report) in server.upgrader?.predecessors.reports ?? [] {
            writer.beginObject()
            writer.field("process", Int(facts.process))
            writer.field("process_number", facts.number)
            writer.field("version", facts.version)
            writer.field("since", Timestamp.rfc3339(seconds: facts.since))
            if let report {
                writer.field("exchanges", report.exchanges)
                writer.field("connections", report.connections)
                writer.field("until", Timestamp.rfc3339(seconds: report.until))
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private mutating func writeMaintenance() {
        guard let maintenance = server.process.maintenance.current else { return }
        writer.key("maintenance")
        writer.beginObject()
        writer.field("since", Timestamp.rfc3339(seconds: maintenance.since))
        writer.field("retry_after", maintenance.retryAfter)
        if let text = maintenance.text { writer.field("text", text) }
        writer.endObject()
    }

    private mutating func write(_ model: SnapshotModel) {
        let statuses = model.pool.statuses(at: now)
        writer.beginObject()
        writer.field("id", model.entry.name)
        writer.field("usable", statuses.contains { $0.isUsable && $0.member.presentWeight > 0 })
        writer.field("queued", model.pool.waitingCount)
        writer.field("by_prompt", model.pool.choosesByPrompt)
        writer.key("executors")
        writer.beginArray()
        for status in statuses { write(status, in: model.pool) }
        writer.endArray()
        writer.endObject()
    }

    private mutating func write(_ status: ExecutorPool.Status, in pool: ExecutorPool) {
        let (executor, member) = (status.executor, status.member)
        writer.beginObject()
        writer.field("url", executor.name)
        writer.field("model", executor.model)
        writer.field("kind", executor.engine.kind.setting.rawValue)
        writer.field("state", status.label)
        if status.state != .healthy { writer.field("why", executor.cause.text) }
        writer.field("drained", executor.isDrained)
        writer.field("usable", status.isUsable)
        writer.field("running", executor.running)
        if let most = member.runningMax ?? executor.engine.runningMax { writer.field("max_running", most) }
        if let most = executor.learntLimit(at: now) { writer.field("learnt_max_running", most) }
        let pause = executor.pause(at: now)
        if pause > 0 { writer.field("paused_seconds", pause.secondsRoundedUp) }
        writer.field("weight", member.presentWeight)
        writer.field("configured_weight", member.weight)
        writer.field("waiting_prompt_bytes", executor.waitingBytes)
        write(executor.engine.words.load)
        if let flag = pool.missingFlag(of: executor) { writer.field("missing_flag", flag) }
        writer.endObject()
    }

    /// Writes the load that an engine has reported; writes nothing if it has reported none.
    private mutating func write(_ load: EngineLoad) {
        guard load != EngineLoad() else { return }
        writer.key("engine")
        writer.beginObject()
        if let running = load.running { writer.field("running", running) }
        if let waiting = load.waiting { writer.field("waiting", waiting) }
        if let use = load.cacheUse { writer.field("cache_used_percent", Int(use * 100)) }
        if let tokens = load.cacheTokens { writer.field("cache_tokens", tokens) }
        writer.endObject()
    }

    private mutating func writeOrders() {
        writer.key("orders")
        writer.beginArray()
        for (target, order) in server.running.registry.orders.all {
            writer.beginObject()
            writer.field("url", target.url)
            if let model = target.model { writer.field("model", model.text) }
            writer.field("drained", order.isDrained)
            if let weight = order.weight { writer.field("weight", weight) }
            writer.endObject()
        }
        writer.endArray()
    }

    private mutating func writeCertificates() {
        writer.key("certificates")
        writer.beginArray()
        for certificate in server.certificates {
            let left = certificate.expires - Int64(wallTime)
            writer.beginObject()
            writer.field("listener", certificate.listener)
            writer.field("name", certificate.name)
            writer.field("chain", certificate.chain)
            writer.field("expires", Timestamp.rfc3339(seconds: Int(certificate.expires)))
            writer.field("days_left", Int(left >= 0 ? left / 86_400 : -((86_399 - left) / 86_400)))
            writer.endObject()
        }
        writer.endArray()
    }
}

extension ExecutorHealth.Cause {
    /// Why the executor is not healthy, in words for the operator.
    fileprivate var text: String {
        switch self {
        case .probes(let count): "\(count) health probes in a row failed"
        case .faults(let scope): "attempts in a row \(scope.text)"
        }
    }
}
