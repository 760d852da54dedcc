// Splits a stream of bytes into server-sent events. The bytes may arrive in parts of any size.

import Glibc

/// Finds the events in one stream of bytes; lines may end in LF, CR or CRLF.
///
/// Bytes are copied only while an event is incomplete. An event larger than `limit` is handed over in pieces. In this
/// file, a chunk is the bytes that one call of `feed` gets.
package struct EventSplitter: Sendable {
    /// The part of an event that the splitter hands over in one call of the closure `body`.
    package enum Kind: Sendable {
        /// A whole event.
        case whole
        /// The first piece of an event that is larger than `limit`.
        case firstPiece
        /// A piece between the first and the last piece.
        case piece
        /// The last piece of an event, which ends in the blank line.
        case lastPiece
    }

    /// The largest number of bytes of an incomplete event that the splitter stores; a larger event is handed over in
    /// pieces.
    package static let limit = 64 * 1024

    private enum LineEnd { case none, lf, cr, crlf }

    /// The bytes of an incomplete event that have arrived so far.
    private var tail: [UInt8] = []
    /// Whether the next byte begins a line.
    private var atLineStart = true
    /// How the previous line of this event ended.
    private var lastEnd = LineEnd.none
    /// Whether the last chunk ended in a CR.
    ///
    /// An LF at the beginning of the next chunk then belongs to the same line end.
    private var followsCR = false
    /// Whether the CR at the end of the last chunk was a blank line, which ends the event.
    ///
    /// The event is stored until the next byte arrives. If that byte is an LF, it belongs to the blank line.
    private var holdsEvent = false
    /// Whether the current event is larger than `limit`, so that its bytes are handed over in pieces as they arrive.
    private var isOversized = false
    /// The number of bytes of a leading byte order mark that have arrived; 3 after the mark is complete or is known to
    /// be absent.
    private var markBytes = 0
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Makes a splitter at the beginning of a stream.
    package init() {}

    /// The stored bytes of an incomplete event.
    package var rest: [UInt8] { tail }
    /// The number of stored bytes of an incomplete event.
    package var pending: Int { tail.count }
    /// Whether the next byte begins a new event.
    package var isBetweenEvents: Bool { tail.isEmpty && !isOversized }
    /// Whether the first piece of a large event has been handed over, and the last piece has not.
    package var isInPieces: Bool { isOversized }

    /// Takes the next bytes.
    ///
    /// Hands over each event that is complete, and pieces of an event that is larger than `limit`.
    ///
    /// - Parameter body: Called for each event or piece; the span is valid during the call only.
    package mutating func feed(_ bytes: Span<UInt8>, _ body: (Span<UInt8>, Kind) -> Void) {
        guard markBytes == Self.mark.count else {
            feedBegin(bytes, body)
            return
        }
        guard !bytes.isEmpty else { return }
        unsafe bytes.withUnsafeBufferPointer { chunk in
            let start = chunk.baseAddress!
            let next: Int
            let hasCR = unsafe memchr(start, 0x0D, chunk.count) != nil
            if hasCR || followsCR || lastEnd == .cr {
                next = unsafe splitAnyLines(chunk, body)
            } else {
                next = unsafe splitLines(start, chunk.count, body)
            }
            if next < chunk.count { unsafe keep(UnsafeBufferPointer(rebasing: chunk[next...]), body) }
        }
    }

    /// Takes the first bytes of a stream and removes a byte order mark.
    private mutating func feedBegin(_ bytes: Span<UInt8>, _ body: (Span<UInt8>, Kind) -> Void) {
        var index = 0
        while markBytes < Self.mark.count, index < bytes.count, bytes[index] == Self.mark[markBytes] {
            markBytes += 1
            index += 1
        }
        guard index < bytes.count else { return }
        let begin = markBytes < Self.mark.count ? Array(Self.mark[..<markBytes]) : []
        markBytes = Self.mark.count
        // If the first bytes are not a whole byte order mark, they belong to the stream.
        feed(begin.span, body)
        feed(bytes.extracting(droppingFirst: index), body)
    }

    /// The incomplete event at the end of a stream, with the missing line ends added; nil if there is none.
    ///
    /// If the splitter has already handed over pieces of the event, the value consists of the line ends alone.
    package var completedTail: (bytes: [UInt8], kind: Kind)? {
        if isOversized { return ([0x0A, 0x0A], .lastPiece) }
        guard let last = tail.last else { return nil }
        return (tail + (last == 0x0A ? [0x0A] : [0x0A, 0x0A]), .whole)
    }

    /// Ends the stream.
    ///
    /// If the last byte was the CR of a blank line, the event before it is complete and is handed over.
    ///
    /// - Returns: false if the stream ended inside of an event.
    package mutating func finish(_ body: (Span<UInt8>, Kind) -> Void) -> Bool {
        if holdsEvent { unsafe emit(UnsafeBufferPointer(start: nil, count: 0), body) }
        return isBetweenEvents
    }

    /// Splits a chunk without CR, the common case.
    ///
    /// - Returns: The index at which an incomplete event begins, or the length of the chunk if there is none.
    @inline(__always)
    private mutating func splitLines(
        _ start: UnsafePointer<UInt8>,
        _ count: Int,
        _ body: (Span<UInt8>, Kind) -> Void
    ) -> Int {
        var first = 0
        var position = 0
        var blank = atLineStart
        func isLF(_ index: Int) -> Bool { unsafe start[index] == 0x0A }
        while position < count {
            if !blank || !isLF(position) {
                guard let end = unsafe memchr(start + position, 0x0A, count - position) else {
                    atLineStart = false
                    return first
                }
                position = unsafe start.distance(to: UnsafePointer(end.assumingMemoryBound(to: UInt8.self))) + 1
                blank = true
                lastEnd = .lf
                if position == count || !isLF(position) { continue }
            }
            position += 1
            unsafe emit(UnsafeBufferPointer(start: start + first, count: position - first), body)
            first = position
            blank = true
        }
        atLineStart = blank
        return first
    }

    /// Completes the line end whose CR was the last byte of the previous chunk.
    ///
    /// If this chunk begins with an LF, the LF belongs to that line end. If the CR was a blank line, the event that it
    /// ends is handed over.
    ///
    /// - Returns: Two indices in this chunk: `first` is that of the first byte that does not belong to an event already
    ///   handed over, and `position` is that at which the next line begins.
    @inline(__always)
    private mutating func endLine(
        _ chunk: UnsafeBufferPointer<UInt8>,
        _ body: (Span<UInt8>, Kind) -> Void
    ) -> (first: Int, position: Int) {
        followsCR = false
        let isLF = unsafe chunk[0] == 0x0A
        let position = isLF ? 1 : 0
        guard holdsEvent else {
            if isLF { lastEnd = .crlf }
            return (0, position)
        }
        unsafe emit(UnsafeBufferPointer(rebasing: chunk[..<position]), body)
        return (position, position)
    }

    /// Splits a chunk whose lines end in LF, CR or CRLF.
    ///
    /// - Returns: The index at which an incomplete event begins, or the length of the chunk if there is none.
    private mutating func splitAnyLines(
        _ chunk: UnsafeBufferPointer<UInt8>,
        _ body: (Span<UInt8>, Kind) -> Void
    ) -> Int {
        var (first, position) = followsCR ? unsafe endLine(chunk, body) : (0, 0)
        func event(_ end: Int) -> UnsafeBufferPointer<UInt8> {
            unsafe UnsafeBufferPointer(rebasing: chunk[first..<end])
        }
        while position < chunk.count {
            let byte = unsafe chunk[position]
            position += 1
            guard byte == 0x0A || byte == 0x0D else {
                atLineStart = false
                continue
            }
            let previous = lastEnd
            let isLast = position == chunk.count
            lastEnd = byte == 0x0A ? .lf : .cr
            if byte == 0x0D, !isLast, unsafe chunk[position] == 0x0A {
                position += 1
                lastEnd = .crlf
            }
            if !atLineStart {
                atLineStart = true
                followsCR = isLast && lastEnd == .cr
            } else if isLast, lastEnd == .cr, previous != .cr, !isOversized {
                // This CR is a blank line, but it is probably the first half of a CRLF, whose LF comes with the next
                // chunk. So the event waits for that chunk, unless the previous line ended in a CR alone, or the event
                // is larger than `limit`.
                followsCR = true
                holdsEvent = true
            } else {
                unsafe emit(event(position), body)
                first = position
            }
        }
        return first
    }

    /// Passes an event that is now complete to the closure `body`.
    ///
    /// - Parameter end: The last bytes of the event. Earlier bytes of the event, if there are any, are in `tail`, or
    ///   `body` has already got them as pieces.
    @inline(__always)
    private mutating func emit(_ end: UnsafeBufferPointer<UInt8>, _ body: (Span<UInt8>, Kind) -> Void) {
        lastEnd = .none
        atLineStart = true
        holdsEvent = false
        followsCR = false
        if tail.isEmpty {
            unsafe body(end.span, isOversized ? .lastPiece : .whole)
            isOversized = false
            return
        }
        unsafe tail.append(contentsOf: end)
        body(tail.span, .whole)
        tail.removeAll(keepingCapacity: tail.capacity <= 1024)
    }

    /// Stores the bytes of an incomplete event in `tail`, or passes them to the closure `body` as a piece.
    ///
    /// The bytes are passed as a piece if the event is larger than `limit`.
    private mutating func keep(_ rest: UnsafeBufferPointer<UInt8>, _ body: (Span<UInt8>, Kind) -> Void) {
        if isOversized {
            unsafe body(rest.span, .piece)
        } else if tail.count + rest.count > Self.limit, !holdsEvent {
            isOversized = true
            unsafe tail.append(contentsOf: rest)
            body(tail.span, .firstPiece)
            tail = []
        } else {
            unsafe tail.append(contentsOf: rest)
        }
    }
}
