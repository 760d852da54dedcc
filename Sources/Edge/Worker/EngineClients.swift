// The connections of one worker to engines, by the engine's id: models at one engine process them.
internal import HTTP
internal import Routing
internal import Transport

/// Confined to its worker.
struct EngineClients {
    private struct Entry {
        var target: EngineTarget
        let client: ExecutorClient
    }

    private let loop: EventLoop
    private let environment: ExecutorEnvironment
    private var entries: [Int: Entry] = [:]
    /// How the latest snapshot reaches its engines, by their ids; empty before a second snapshot has come.
    private var latest: [Int: EngineTarget] = [:]

    init(loop: EventLoop, environment: ExecutorEnvironment) {
        self.loop = loop
        self.environment = environment
    }

    /// The client of an engine; made when it is first asked for.
    ///
    /// An exchange of an earlier snapshot that comes late has the client of the latest one, if that names the engine.
    mutating func client(of target: EngineTarget) -> ExecutorClient {
        let id = target.engine.id
        if let entry = entries[id] { return entry.client }
        let target = latest[id] ?? target
        let client = ExecutorClient(loop: loop, settings: target.client, environment: environment)
        entries[id] = Entry(target: target, client: client)
        return client
    }

    /// Takes a new snapshot: connections to engines that it does not name, or to which it connects otherwise, close after
    /// the requests that they carry.
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

    /// Closes the connections that nobody uses.
    func closeIdle() { for entry in entries.values { entry.client.closeIdle() } }
}

extension EngineTarget {
    /// Whether connections that were opened for the other one are good for this one.
    fileprivate func connectsLike(_ other: EngineTarget) -> Bool {
        let (mine, its) = (client, other.client)
        return mine.addresses === its.addresses && mine.version == its.version
            && mine.tls?.serverName == its.tls?.serverName && mine.tls?.caFile == its.tls?.caFile
            && mine.connectTimeout == its.connectTimeout && mine.idleTimeout == its.idleTimeout
    }
}
