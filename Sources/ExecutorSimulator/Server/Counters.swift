// The counters that `GET /simulator/counters` reports.
internal import Inference

/// The counters of the simulator since its start or the last reset.
struct Counters {
    /// How many model requests are in progress, including those that wait for their first token.
    private(set) var running = 0
    /// The largest value that `running` had.
    private var runningMost = 0
    /// How many requests for each model are in progress, and the largest value of this number.
    private var models: [String: (running: Int, most: Int)] = [:]
    /// How many model requests wait for their first token.
    var waiting = 0
    /// How many model requests got a complete response.
    var finished = 0
    /// How many model requests ended because the client disconnected.
    var aborted = 0
    /// How many model requests ended by a fault that the request or the options of the simulator demand.
    var broken = 0
    /// How many model requests got an error response.
    var refused = 0
    /// How many token events were written.
    var emitted = 0
    /// How many tokens of prompts were looked up in the prefix cache.
    var prefixQueries = 0
    /// How many of the tokens counted in `prefixQueries` were in the prefix cache.
    var prefixHits = 0
    /// How many requests were received, except those to `/simulator/`.
    var requests = 0
    /// How many connections are open.
    var connections = 0
    /// How many connections were accepted since the start or the last reset.
    var connectionsAccepted = 0
    private var paths: [String: Int] = [:]
    /// The maximum number of different paths, and of different models, that have counts of their own.
    ///
    /// A request for a further path is counted only in `requests`. A request for a further model is counted only in the
    /// totals of all models.
    private static let namesMax = 256

    /// Counts a request by its path.
    mutating func count(path: String) {
        requests += 1
        guard paths[path] != nil || paths.count < Self.namesMax else { return }
        paths[path, default: 0] += 1
    }

    /// Counts a model request that begins.
    mutating func began(model: String) {
        running += 1
        runningMost = max(runningMost, running)
        guard models[model] != nil || models.count < Self.namesMax else { return }
        let count = (models[model]?.running ?? 0) + 1
        models[model] = (count, max(models[model]?.most ?? 0, count))
    }

    /// Counts the end of a model request.
    mutating func ended(model: String) {
        running -= 1
        models[model]?.running -= 1
    }

    /// Sets the counters to 0, except those of what is in progress.
    ///
    /// `running`, `waiting`, `connections` and the number of running requests of each model stay. The largest values of
    /// `running` and of these numbers become the present values.
    mutating func reset() {
        var fresh = Counters()
        fresh.running = running
        fresh.runningMost = running
        fresh.models = models.filter { $0.value.running > 0 }.mapValues {
            (running: $0.running, most: $0.running)
        }
        fresh.waiting = waiting
        fresh.connections = connections
        self = fresh
    }

    /// The counters as JSON.
    func json() -> [UInt8] {
        JSONText.object { writer in
            writer.field("running", running)
            writer.field("running_most", runningMost)
            writer.object("running_most_by_model") {
                for (model, count) in models.sorted(by: { $0.key < $1.key }) { $0.field(named: model, count.most) }
            }
            writer.field("waiting", waiting)
            writer.field("finished", finished)
            writer.field("aborted", aborted)
            writer.field("broken", broken)
            writer.field("refused", refused)
            writer.field("emitted", emitted)
            writer.field("prefix_cache_queries", prefixQueries)
            writer.field("prefix_cache_hits", prefixHits)
            writer.field("requests", requests)
            writer.field("connections", connections)
            writer.field("connections_accepted", connectionsAccepted)
            writer.object("requests_by_path") {
                for (path, count) in paths.sorted(by: { $0.key < $1.key }) { $0.field(named: path, count) }
            }
        }
    }
}
