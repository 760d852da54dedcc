// Shapes the bytes of a stream as its faults ask for, whatever its events are.

/// Joins and cuts the events of one stream.
///
/// The shaper does no I/O: it takes events and returns the chunks that are to be written.
struct EventShaper {
    /// The most bytes that wait to be joined with later events.
    private static let joinedMax = 256 << 10

    /// Whether events are written as they are, so that the shaper need not be called.
    let isPlain: Bool
    /// Whether the chunks are pieces, each of which must be a write of its own.
    let isCut: Bool

    private let faults: Faults
    /// Events that wait to be joined with later ones, with comments and line ends applied.
    private var waiting: [UInt8] = []
    private var waitingEvents = 0
    /// The latest event, if it is held back because it may be the last one of the stream.
    private var last: [UInt8]?
    /// The number of bytes that were returned.
    private var offset = 0

    init(_ faults: Faults) {
        self.faults = faults
        isCut = faults.cutsEvents
        isPlain = !isCut && !faults.holdsEventsBack && !faults.hasComments && !faults.hasCRLF
    }

    /// Takes the next event, or the beginning of an event that is never completed.
    ///
    /// - Returns: The chunks that can be written now, in order.
    mutating func add(_ event: [UInt8]) -> [[UInt8]] {
        var bytes = event
        if faults.hasComments { bytes = Array(": a comment\n\n".utf8) + bytes }
        if faults.hasCRLF { bytes = Events.withCRLF(bytes) }
        guard faults.lacksLastLF else { return join(bytes) }
        defer { last = bytes }
        return last.map { join($0) } ?? []
    }

    /// Returns what has been held back, at the end of a stream or before it stalls.
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

    /// Cuts bytes at each offset that was asked for; offsets count from the beginning of the stream.
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
