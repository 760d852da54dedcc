// Splits a message head into lines, even if it arrives in several reads, and appends header field lines to a
// `FieldBlock`.

/// Finds the lines of one message head.
///
/// The scanner remembers how far it has read, so that each byte is examined only once, even if the bytes arrive one
/// at a time. `HTTP1RequestParser` and `HTTP1ResponseParser` each have a scanner.
struct HTTP1HeadScanner: Sendable {
    enum Line {
        /// The range of the line without its CRLF.
        ///
        /// The range is empty for an empty line.
        case complete(Range<Int>)
        /// The end of the line has not arrived yet.
        case incomplete
        /// The line does not end within `limit` bytes of the start of the head.
        case limitReached
    }

    /// The offset in the head at which the line that is being read begins.
    ///
    /// When `nextLine` has returned `.complete`, this is where the next line begins.
    private(set) var lineStart = 0
    private var scanned = 0

    /// Finds the next line of the head.
    ///
    /// The head begins at offset 0 of `bytes`, which may end before the head does. Throws for a bare CR, a
    /// bare LF, and any other control character except for HTAB.
    mutating func nextLine(in bytes: Span<UInt8>, limit: Int) throws(HTTP1Error) -> Line {
        let end = min(bytes.count, limit)
        var index = scanned
        while index < end {
            let byte = bytes[index]
            if byte.isFieldText {
                index += 1
                continue
            }
            guard byte == HTTP1Byte.carriageReturn else {
                throw HTTP1Error(byte == HTTP1Byte.lineFeed ? .bareLineFeed : .controlCharacter)
            }
            guard index + 1 < end else { break }
            guard bytes[index + 1] == HTTP1Byte.lineFeed else { throw HTTP1Error(.bareCarriageReturn) }
            let line = lineStart..<index
            lineStart = index + 2
            scanned = lineStart
            return .complete(line)
        }
        scanned = index
        return end == limit ? .limitReached : .incomplete
    }
}

extension FieldBlock {
    /// Parses one line of a head, and appends its header field to this block.
    ///
    /// The scanner has already checked that the line contains no control characters except HTAB. Throws if the line is
    /// malformed or folded, or if this block already has `limit` fields.
    mutating func append(line: Range<Int>, of bytes: Span<UInt8>, limit: Int) throws(HTTP1Error) {
        guard !bytes[line.lowerBound].isBlank else { throw HTTP1Error(.foldedField) }
        var colon = line.lowerBound
        while colon < line.upperBound, bytes[colon].isToken { colon += 1 }
        guard colon < line.upperBound, colon > line.lowerBound else { throw HTTP1Error(.malformedFieldName) }
        guard !bytes[colon].isBlank else { throw HTTP1Error(.spaceBeforeColon) }
        guard bytes[colon] == HTTP1Byte.colon else { throw HTTP1Error(.malformedFieldName) }
        guard count < limit else { throw HTTP1Error(.tooManyFields) }
        var start = colon + 1
        var end = line.upperBound
        while start < end, bytes[start].isBlank { start += 1 }
        while end > start, bytes[end - 1].isBlank { end -= 1 }
        append(name: bytes.extracting(line.lowerBound..<colon), value: bytes.extracting(start..<end))
    }
}
