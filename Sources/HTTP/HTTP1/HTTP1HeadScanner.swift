// Cuts a message head into lines, however its bytes arrive, and puts field lines into a `FieldBlock`. The request and the
// response parser each own one.

/// Remembers how far a head has been read: bytes are looked at once, also when they come one at a time.
struct HTTP1HeadScanner: Sendable {
    enum Line {
        /// Without its CRLF; empty for an empty line.
        case complete(Range<Int>)
        case incomplete
        /// `limit` bytes from the start of the head were read and the line has not ended.
        case limitReached
    }

    /// Where the line that is being read starts; after `.complete`, where the next one does.
    private(set) var lineStart = 0
    private var scanned = 0

    /// The next line of the head that begins at offset 0 of `bytes`.
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
    /// Appends the field that the line of `bytes` holds; the line is free of control characters already.
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
