// Changes how the events of a stream are written, to simulate the faults that the request or the simulator's options
// demand. The content of the events is not read.

/// Joins and cuts the events of one stream.
///
/// The shaper does no I/O: it takes events, and returns the chunks of bytes to write.
struct EventShaper {
    /// The maximum number of bytes that are held back to be joined with later events.
    private static let joinedMax = 256 << 10

    /// Whether events are written unchanged, so that the shaper can be bypassed.
    let isPlain: Bool
    /// Whether each returned chunk must be written separately.
    let isCut: Bool

    private let faults: Faults
    /// Events that wait to be joined with later events.
    ///
    /// If the request or the simulator's options demand comments or CRLF at line ends, these bytes already have them.
    private var waiting: [UInt8] = []
    private var waitingEvents = 0
    /// The latest event, held back because it may be the last one of the stream; nil if no event is held back.
    private var last: [UInt8]?
    /// How many bytes of the stream were returned so far.
    private var offset = 0

    init(_ faults: Faults) {
        self.faults = faults
        isCut = faults.cutsEvents
        isPlain = !isCut && !faults.holdsEventsBack && !faults.hasComments && !faults.hasCRLF
    }

    /// Adds the next event, or the beginning of an event that will never be completed.
    ///
    /// - Returns: the chunks to write now, in order.
    mutating func add(_ event: [UInt8]) -> [[UInt8]] {
        var bytes = event
        if faults.hasComments { bytes = Array(": a comment\n\n".utf8) + bytes }
        if faults.hasCRLF { bytes = Events.withCRLF(bytes) }
        guard faults.lacksLastLF else { return join(bytes) }
        defer { last = bytes }
        return last.map { join($0) } ?? []
    }

    /// Returns the bytes that were held back.
    ///
    /// The function must be called at the end of a stream, and before a stream stalls.
    mutating func finish() -> [[UInt8]] {
        var pieces: [[UInt8]] = []
        if var bytes = last {
            if bytes.last == 0x0A { bytes.removeLast() }
            last = nil
            pieces = join(bytes)
        }
        return pieces + flush()
    }

    private mutating func join(_ bytes: [UInt8]) -> [[UInt8]] {
        waiting += bytes
        waitingEvents += 1
        let isFull = waitingEvents >= faults.coalescedEvents ?? 1 || waiting.count >= Self.joinedMax
        return isFull ? flush() : []
    }

    private mutating func flush() -> [[UInt8]] {
        let bytes = waiting
        waiting = []
        waitingEvents = 0
        return bytes.isEmpty ? [] : cut(bytes)
    }

    /// Cuts bytes at the offsets that the request or the simulator's options name.
    ///
    /// Offsets count from the beginning of the stream.
    private mutating func cut(_ bytes: [UInt8]) -> [[UInt8]] {
        let start = offset
        offset += bytes.count
        guard isCut else { return [bytes] }
        var cuts = Set(faults.splitAt.filter { start < $0 && $0 < offset })
        if let size = faults.splitEvery {
            cuts.formUnion(stride(from: (start / size + 1) * size, to: offset, by: size))
        }
        if faults.isSplit {
            let third = (bytes.count + 2) / 3
            cuts.formUnion(stride(from: start + third, to: offset, by: third))
        }
        var pieces: [[UInt8]] = []
        var first = start
        for end in cuts.sorted() + [offset] {
            pieces.append(Array(bytes[first - start..<end - start]))
            first = end
        }
        return pieces
    }
}
