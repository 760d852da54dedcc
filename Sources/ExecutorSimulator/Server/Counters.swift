// What the simulator counts, and the log of those clients that left.
internal import Inference
internal import Transport

struct Counters {
    /// Model requests under way, those in their prefill among them.
    var running = 0
    /// Model requests in their prefill.
    var waiting = 0
    /// Model requests answered whole.
    var finished = 0
    /// Model requests whose client left first.
    var aborted = 0
    /// Model requests that a fault ended.
    var broken = 0
    /// Model requests answered with an error status.
    var refused = 0
    /// Token events written to streams.
    var emitted = 0
    /// All requests but those to `/simulator/`.
    var requests = 0
    var connections = 0
    var connectionsAccepted = 0
    private var paths: [String: Int] = [:]
    private static let pathsMax = 256

    mutating func count(path: String) {
        requests += 1
        guard paths[path] != nil || paths.count < Self.pathsMax else { return }
        paths[path, default: 0] += 1
    }

    /// Begins anew; what is under way stays.
    mutating func reset() {
        var fresh = Counters()
        fresh.running = running
        fresh.waiting = waiting
        fresh.connections = connections
        self = fresh
    }

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

/// The last clients that left before their answer was whole.
struct AbortLog {
    enum Phase: String {
        /// The request was not whole yet.
        case body
        /// No event was written yet.
        case prefill
        case stream
    }

    struct Entry {
        var sequence: Int
        var requestID: String?
        var time: Nanoseconds
        var phase: Phase
        var emitted: Int
    }

    private static let capacity = 4096
    /// The entry of sequence `n` is at `(n - 1) % capacity`.
    private var entries: [Entry] = []
    private var last = 0

    mutating func add(requestID: String?, time: Nanoseconds, phase: Phase, emitted: Int) {
        last += 1
        let entry = Entry(sequence: last, requestID: requestID, time: time, phase: phase, emitted: emitted)
        if entries.count < Self.capacity { entries.append(entry) } else { entries[(last - 1) % Self.capacity] = entry }
    }

    mutating func reset() { self = AbortLog() }

    /// Those after a sequence number, in order.
    func json(since sequence: Int) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        let first = max(max(0, sequence), last - entries.count)
        for number in first..<max(first, last) {
            let entry = entries[number % Self.capacity]
            writer.object {
                $0.field("sequence", entry.sequence)
                $0.field("request_id", entry.requestID)
                $0.field("ns", Int(entry.time))
                $0.field("phase", entry.phase.rawValue)
                $0.field("emitted", entry.emitted)
            }
        }
        writer.endArray()
        return writer.bytes
    }
}

/// The last request that was no question about the simulator itself.
struct LastRequest {
    var method = ""
    var target: [UInt8] = []
    var authority: [UInt8] = []
    var version = ""
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []

    func json() -> [UInt8] {
        JSONText.object { writer in
            writer.field("method", method)
            writer.field("target", String(decoding: target, as: UTF8.self))
            writer.field("authority", String(decoding: authority, as: UTF8.self))
            writer.field("version", version)
            // In their order, and then by name: of a field that repeats, the first value.
            writer.key("fields")
            writer.beginArray()
            for field in fields {
                writer.beginArray()
                writer.value(field.name)
                writer.value(field.value)
                writer.endArray()
            }
            writer.endArray()
            writer.object("headers") {
                var seen: Set<String> = []
                for field in fields where seen.insert(field.name).inserted {
                    $0.key(named: field.name)
                    $0.value(field.value)
                }
            }
            writer.field("body", String(decoding: body, as: UTF8.self))
            writer.field("body_bytes", body.count)
        }
    }
}
