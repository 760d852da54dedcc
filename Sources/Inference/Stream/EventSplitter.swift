// Splits a byte stream into whole server-sent events, each up to and with its blank line, whatever the chunks are.

import Glibc

package struct EventSplitter: Sendable {
    package enum Kind: Sendable {
        /// A whole event.
        case whole
        /// The first piece of an event that is larger than `limit`.
        case firstPiece
        case piece
        /// Its last piece, which ends in the blank line.
        case lastPiece
    }

    /// The most bytes that are kept of an incomplete event.
    package static let limit = 64 * 1024

    private enum LineEnd { case none, lf, cr, crlf }

    /// The beginning of an incomplete event.
    private var tail: [UInt8] = []
    /// The next byte begins a line.
    private var atLineStart = true
    /// How the last line of this event ended.
    private var lastEnd = LineEnd.none
    /// The last chunk ended in a CR, so that an LF would belong to it.
    private var followsCR = false
    /// That CR was a blank line: the event ends with it, or with the LF that follows.
    private var holdsEvent = false
    private var isOversized = false
    /// How many bytes of a byte order mark have come, which is no part of a stream; 3 once there can be none.
    private var markBytes = 0
    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    package init() {}

    /// What is kept of an event that is not complete.
    package var rest: [UInt8] { tail }
    /// How many bytes that is.
    package var pending: Int { tail.count }
    /// The stream stands between two events.
    package var isBetweenEvents: Bool { tail.isEmpty && !isOversized }
    /// The first piece of a large event has been handed over, and not its last one.
    package var isInPieces: Bool { isOversized }

    /// Takes the next bytes and hands over each event that they complete.
    ///
    /// The spans live for the call alone.
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

    /// The first bytes of a stream, which may be a byte order mark.
    private mutating func feedBegin(_ bytes: Span<UInt8>, _ body: (Span<UInt8>, Kind) -> Void) {
        var index = 0
        while markBytes < Self.mark.count, index < bytes.count, bytes[index] == Self.mark[markBytes] {
            markBytes += 1
            index += 1
        }
        guard index < bytes.count else { return }
        let begin = markBytes < Self.mark.count ? Array(Self.mark[..<markBytes]) : []
        markBytes = Self.mark.count
        // What was taken for the begin of a mark and is none comes first.
        feed(begin.span, body)
        feed(bytes.extracting(droppingFirst: index), body)
    }

    /// What is kept of an event that the stream has ended inside of, with the line ends that it lacks.
    ///
    /// Of an event in pieces these are the line ends alone; nil between two events.
    package var completedTail: (bytes: [UInt8], kind: Kind)? {
        if isOversized { return ([0x0A, 0x0A], .lastPiece) }
        guard let last = tail.last else { return nil }
        return (tail + (last == 0x0A ? [0x0A] : [0x0A, 0x0A]), .whole)
    }

    /// The stream has ended: hands over an event whose end was in doubt.
    ///
    /// False when it ended inside an event.
    package mutating func finish(_ body: (Span<UInt8>, Kind) -> Void) -> Bool {
        if holdsEvent { unsafe emit(UnsafeBufferPointer(start: nil, count: 0), body) }
        return isBetweenEvents
    }

    /// The common case, without CR: returns where the rest begins.
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

    /// Lines that end in LF, CR or CRLF: returns where the rest begins.
    private mutating func splitAnyLines(
        _ chunk: UnsafeBufferPointer<UInt8>,
        _ body: (Span<UInt8>, Kind) -> Void
    ) -> Int {
        var first = 0
        var position = 0
        func event(_ end: Int) -> UnsafeBufferPointer<UInt8> {
            unsafe UnsafeBufferPointer(rebasing: chunk[first..<end])
        }
        if followsCR {
            followsCR = false
            let isLF = unsafe chunk[0] == 0x0A
            if isLF { position = 1 }
            if holdsEvent {
                unsafe emit(event(position), body)
                first = position
            } else if isLF {
                lastEnd = .crlf
            }
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
                // Half of a CRLF, in all likelihood. After a line that ended in CR alone it would be a whole end.
                followsCR = true
                holdsEvent = true
            } else {
                unsafe emit(event(position), body)
                first = position
            }
        }
        return first
    }

    /// Hands over the event that `end` completes.
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
