// The connections of one worker to engines; all models at one engine share its connections.
internal import HTTP
internal import Routing
internal import Transport

/// The `ExecutorClient`s of one worker, by the ids of their engines; confined to the worker.
struct EngineClients {
    private struct Entry {
        var target: EngineTarget
        let client: ExecutorClient
    }

    private let loop: EventLoop
    private let environment: ExecutorEnvironment
    private var entries: [Int: Entry] = [:]
    /// The connection settings in the latest snapshot, by the ids of the engines; empty until `adopt` is called.
    private var latest: [Int: EngineTarget] = [:]

    init(loop: EventLoop, environment: ExecutorEnvironment) {
        self.loop = loop
        self.environment = environment
    }

    /// The client of an engine, which is made at the first call.
    ///
    /// The client uses the connection settings of the latest snapshot if that snapshot names the engine, even for
    /// exchanges that began with an earlier snapshot.
    mutating func client(of target: EngineTarget) -> ExecutorClient {
        let id = target.engine.id
        if let entry = entries[id] { return entry.client }
        let target = latest[id] ?? target
        let client = ExecutorClient(loop: loop, settings: target.client, environment: environment)
        entries[id] = Entry(target: target, client: client)
        return client
    }

    /// Uses the connection settings of a new snapshot from now on.
    ///
    /// If the snapshot does not name an engine, or has other connection settings for it, this worker's connections to
    /// the engine close. A connection that carries requests closes once they have ended.
    mutating func adopt(_ snapshot: Snapshot) {
        var targets: [Int: EngineTarget] = [:]
        for target in snapshot.engines { targets[target.engine.id] = target }
        latest = targets
        for (id, entry) in entries {
            if let target = targets[id], target.connectsLike(entry.target) {
                entries[id]?.target = target
            } else {
                entry.client.retire()
                entries[id] = nil
            }
        }
    }

    /// Closes the connections that carry no request.
    func closeIdle() { for entry in entries.values { entry.client.closeIdle() } }
}
