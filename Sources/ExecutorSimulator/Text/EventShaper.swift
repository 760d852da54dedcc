// The form in which the bytes of a stream leave, whatever its events are.

/// Joins and cuts the events of one stream as its faults ask for.
///
/// A value without I/O: events go in, and what is to be written comes out.
struct EventShaper {
    /// The most bytes that wait to be joined to others.
    private static let joinedMax = 256 << 10

    /// Events pass as they are: nothing has to be asked of this shaper.
    let isPlain: Bool
    /// What comes out are pieces, each of which is to be a write of its own.
    let isCut: Bool

    private let faults: Faults
    /// Events that were not written yet, already in the form of their lines.
    private var waiting: [UInt8] = []
    private var waitingEvents = 0
    /// The last event, which may yet turn out to be the last one of the stream.
    private var last: [UInt8]?
    /// Bytes that were written.
    private var offset = 0

    init(_ faults: Faults) {
        self.faults = faults
        isCut = faults.isSplit || faults.splitEvery != nil || !faults.splitAt.isEmpty
        let holdsBack = faults.coalescedEvents != nil || faults.lacksLastLF
        isPlain = !isCut && !holdsBack && !faults.hasComments && !faults.hasCRLF
    }

    /// Takes the next event, or a part of one that is never completed.
    ///
    /// - Returns: the chunks that can be written now, in order.
    mutating func add(_ event: [UInt8]) -> [[UInt8]] {
        var bytes = event
        if faults.hasComments { bytes = Array(": a comment\n\n".utf8) + bytes }
        if faults.hasCRLF { bytes = Events.withCRLF(bytes) }
        guard faults.lacksLastLF else { return join(bytes) }
        defer { last = bytes }
        return last.map { join($0) } ?? []
    }

    /// The stream ends, or stalls: whatever has been held back.
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

    /// Cuts at every offset that was asked for; offsets count from the beginning of the stream.
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
