// Splits a message head into lines, however its bytes arrive, and puts field lines into a `FieldBlock`.

/// Finds the lines of one head.
///
/// It remembers how far it has read, so that each byte is examined once even if the bytes arrive one at a time. The
/// request parser and the response parser own one each.
struct HTTP1HeadScanner: Sendable {
    enum Line {
        /// The range of the line without its CRLF; an empty range for an empty line.
        case complete(Range<Int>)
        /// The end of the line has not arrived yet.
        case incomplete
        /// The line does not end within `limit` bytes of the start of the head.
        case limitReached
    }

    /// The offset of the line that is being read; after `.complete`, that of the next line.
    private(set) var lineStart = 0
    private var scanned = 0

    /// Finds the next line of the head that begins at offset 0 of `bytes`.
    ///
    /// Throws for a bare CR or LF and for other control characters.
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
    /// Appends the field of one line, in which the scanner has found no control character.
    ///
    /// Throws for a malformed or folded line, and for a field beyond `limit`.
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
