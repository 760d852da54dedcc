// `/health/deep`: the models with their executors, and how full the process is.
internal import Inference
internal import Routing
internal import Transport

struct DeepHealth {
    private(set) var json: [UInt8] = []
    /// Every model has an executor that requests may go to.
    private(set) var isGood = true

    init(_ server: AdminServer) {
        let snapshot = server.snapshot
        var models = JSONWriter()
        models.beginArray()
        for (place, model) in snapshot.catalog.models.enumerated() {
            let standings = snapshot.models[place].pool.standings(at: server.loop.now)
            let isUsable = standings.contains { $0.isUsable && $0.member.weight > 0 }
            if !isUsable { isGood = false }
            models.beginObject()
            models.field("id", model.id)
            models.field("usable", isUsable)
            models.key("executors")
            models.beginArray()
            for standing in standings { Self.write(standing, to: &models) }
            models.endArray()
            models.endObject()
        }
        models.endArray()

        var writer = JSONWriter()
        let (budget, load) = (server.share.budget, server.share.load)
        writer.beginObject()
        writer.field("status", isGood ? "ok" : "degraded")
        writer.field("state", server.state.rawValue)
        writer.field("version", Build.version)
        writer.field("workers", server.workers)
        writer.field("connections", server.share.connectionCount)
        writer.field("connections_max", server.share.room(snapshot).most)
        writer.field("exchanges", load.exchanges)
        writer.field("memory_used_bytes", budget.used)
        writer.field("memory_limit_bytes", budget.limit)
        writer.key("models")
        writer.raw(models.bytes)
        writer.endObject()
        json = writer.bytes
    }

    private static func write(_ standing: ExecutorPool.Standing, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.field("url", standing.executor.name)
        writer.field("state", standing.label)
        writer.field("usable", standing.isUsable)
        writer.field("running", standing.executor.running)
        if let most = standing.member.runningMax { writer.field("max_running", most) }
        if standing.member.weight != 1 { writer.field("weight", standing.member.weight) }
        writer.field("waiting_prompt_bytes", standing.executor.waitingBytes)
        writer.endObject()
    }
}

extension ExecutorPool.Standing {
    static let labels = ["healthy", "ejected", "trial"]

    var label: String {
        switch state {
        case .healthy: "healthy"
        case .ejected: "ejected"
        case .trial: "trial"
        }
    }
}
