// The clients that left early, as `GET /simulator/aborts` reports them.
internal import Inference
internal import Transport

/// The last 4096 clients that left before the end of their response.
struct AbortLog {
    /// How far a request had come.
    enum Phase: String {
        /// The request was not complete.
        case body
        /// No event was written.
        case prefill
        /// At least one event was written.
        case stream
    }

    /// One client that left.
    struct Entry {
        var sequence: Int
        var requestID: String?
        var time: Nanoseconds
        var phase: Phase
        var emitted: Int
    }

    private static let capacity = 4096
    /// A ring: the entry with sequence number `n` is at index `(n - 1) % capacity`.
    private var entries: [Entry] = []
    /// The last sequence number.
    private var last = 0

    /// Adds an entry and drops the oldest one if the ring is full.
    mutating func add(requestID: String?, time: Nanoseconds, phase: Phase, emitted: Int) {
        last += 1
        let entry = Entry(sequence: last, requestID: requestID, time: time, phase: phase, emitted: emitted)
        if entries.count < Self.capacity { entries.append(entry) } else { entries[(last - 1) % Self.capacity] = entry }
    }

    /// Removes all entries.
    mutating func reset() { self = AbortLog() }

    /// The entries after a sequence number as JSON, in order.
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
