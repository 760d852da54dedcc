// The page `/health/deep`: the models with their executors, and the resources that the process uses, with their limits.
internal import Inference
internal import Routing
internal import Transport

/// The page `/health/deep` as JSON; made on the control thread for each request.
struct DeepHealth {
    private(set) var json: [UInt8] = []
    /// Whether every model has an executor to which requests may go.
    private(set) var isGood = true

    init(_ server: AdminServer) {
        let snapshot = server.snapshot
        var models = JSONWriter()
        models.beginArray()
        for (index, model) in snapshot.catalog.models.enumerated() {
            let statuses = snapshot.models[index].pool.statuses(at: server.loop.now)
            let isUsable = statuses.contains { $0.isUsable && $0.member.presentWeight > 0 }
            if !isUsable { isGood = false }
            models.beginObject()
            models.field("id", model.id)
            models.field("usable", isUsable)
            models.key("executors")
            models.beginArray()
            for status in statuses { Self.write(status, to: &models) }
            models.endArray()
            models.endObject()
        }
        models.endArray()

        var writer = JSONWriter()
        let (budget, load) = (server.process.budget, server.process.load)
        writer.beginObject()
        writer.field("status", isGood ? "ok" : "degraded")
        writer.field("state", server.state.rawValue)
        writer.field("version", Build.version)
        writer.key("configuration")
        Self.write(server.running, to: &writer)
        writer.field("maintenance", server.process.maintenance.current != nil)
        writer.field("workers", server.workers)
        Self.write("silent_workers", server.watch?.silent.sorted() ?? [], to: &writer)
        writer.field("connections", server.process.connectionCount)
        writer.field("connections_max", server.process.room(snapshot).most)
        writer.field("exchanges", load.exchanges)
        writer.field("memory_used_bytes", budget.used)
        writer.field("memory_limit_bytes", budget.limit)
        writer.key("models")
        writer.raw(models.bytes)
        writer.endObject()
        json = writer.bytes
    }

    /// Writes an array of worker indices as the member `name`; writes nothing if the array is empty.
    private static func write(_ name: String, _ workers: [Int], to writer: inout JSONWriter) {
        guard !workers.isEmpty else { return }
        writer.key(named: name)
        writer.beginArray()
        for worker in workers { writer.value(worker) }
        writer.endArray()
    }

    /// Writes which configuration is in force, and, if the last reload was refused, when and why.
    static func write(_ running: RunningConfiguration, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("generation", running.snapshot.generation)
        writer.field("since", Timestamp.rfc3339(seconds: running.since))
        write("late_workers", running.lateWorkers, to: &writer)
        if let refusal = running.refusal { write("refused", at: refusal.at, refusal.errors, to: &writer) }
        writer.endObject()
    }

    /// Writes a member that says when a reload or an upgrade has failed, and why.
    ///
    /// - Parameter seconds: the time of the failure in seconds since 1970, which is written as in RFC 3339.
    static func write(_ name: StaticString, at seconds: Int, _ errors: [String], to writer: inout JSONWriter) {
        writer.key(name)
        writer.beginObject()
        writer.field("at", Timestamp.rfc3339(seconds: seconds))
        writer.key("errors")
        writer.beginArray()
        for error in errors { writer.value(error) }
        writer.endArray()
        writer.endObject()
    }

    private static func write(_ status: ExecutorPool.Status, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("url", status.executor.name)
        writer.field("state", status.label)
        writer.field("usable", status.isUsable)
        writer.field("running", status.executor.running)
        if let most = status.member.runningMax { writer.field("max_running", most) }
        writer.field("drained", status.executor.isDrained)
        if status.member.presentWeight != 1 { writer.field("weight", status.member.presentWeight) }
        writer.field("waiting_prompt_bytes", status.executor.waitingBytes)
        writer.endObject()
    }
}

extension ExecutorPool.Status {
    /// All values that `label` can have.
    static let labels = ["healthy", "ejected", "trial"]

    /// The name of the executor's health state, as `/health/deep` and the metrics show it.
    var label: String {
        switch state {
        case .healthy: "healthy"
        case .ejected: "ejected"
        case .trial: "trial"
        }
    }
}
