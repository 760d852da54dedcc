// The counters that `GET /simulator/counters` reports.
internal import Inference

/// Counts since the start or the last reset.
struct Counters {
    /// The model requests in progress, including those in their prefill.
    var running = 0
    /// The model requests in their prefill.
    var waiting = 0
    /// The model requests with a complete response.
    var finished = 0
    /// The model requests whose client left before the end.
    var aborted = 0
    /// The model requests that a fault has ended.
    var broken = 0
    /// The model requests with an error response.
    var refused = 0
    /// The token events that were written.
    var emitted = 0
    /// All requests except those to `/simulator/`.
    var requests = 0
    /// The open connections.
    var connections = 0
    /// All connections since the start or the last reset.
    var connectionsAccepted = 0
    private var paths: [String: Int] = [:]
    /// The most paths that are counted; requests at further paths are counted in `requests` only.
    private static let pathsMax = 256

    /// Counts a request.
    mutating func count(path: String) {
        requests += 1
        guard paths[path] != nil || paths.count < Self.pathsMax else { return }
        paths[path, default: 0] += 1
    }

    /// Sets the counters to 0, except those of requests and connections in progress.
    mutating func reset() {
        var fresh = Counters()
        fresh.running = running
        fresh.waiting = waiting
        fresh.connections = connections
        self = fresh
    }

    /// The counters as JSON.
    func json() -> [UInt8] {
        JSONText.object { writer in
            writer.field("running", running)
            writer.field("waiting", waiting)
            writer.field("finished", finished)
            writer.field("aborted", aborted)
            writer.field("broken", broken)
            writer.field("refused", refused)
            writer.field("emitted", emitted)
            writer.field("requests", requests)
            writer.field("connections", connections)
            writer.field("connections_accepted", connectionsAccepted)
            writer.object("requests_by_path") {
                for (path, count) in paths.sorted(by: { $0.key < $1.key }) { $0.field(named: path, count) }
            }
        }
    }
}
