// A log of clients that disconnected before the end of their response, for `GET /simulator/aborts`.
internal import Inference
internal import Transport

/// The last 4096 clients that disconnected before the end of their response.
struct AbortLog {
    /// How far a request had progressed when its client disconnected.
    enum Phase: String {
        /// The request was not completely received.
        case body
        /// The request was complete, but no event was written yet.
        case prefill
        /// At least one event was written.
        case stream
    }

    /// One client that disconnected early.
    struct Entry {
        var sequence: Int
        var requestID: String?
        var time: Nanoseconds
        var phase: Phase
        var emitted: Int
    }

    private static let capacity = 4096
    /// A ring buffer: the entry with sequence number `n` is at index `(n - 1) % capacity`.
    private var entries: [Entry] = []
    /// The sequence number of the latest entry; 0 if there is none.
    private var last = 0

    /// Adds an entry, and drops the oldest one if the ring buffer is full.
    ///
    /// - Parameters:
    ///   - requestID: the client's `x-request-id`; nil if the client sent none.
    ///   - time: when the client disconnected, by CLOCK_MONOTONIC.
    ///   - emitted: how many token events were written before the client disconnected.
    mutating func add(requestID: String?, time: Nanoseconds, phase: Phase, emitted: Int) {
        last += 1
        let entry = Entry(sequence: last, requestID: requestID, time: time, phase: phase, emitted: emitted)
        if entries.count < Self.capacity { entries.append(entry) } else { entries[(last - 1) % Self.capacity] = entry }
    }

    /// Removes all entries.
    mutating func reset() { self = AbortLog() }

    /// The entries with a sequence number greater than `sequence`, as a JSON array in ascending order.
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
