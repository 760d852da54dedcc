// Removes the chunked framing of a body (RFC 9112 section 7.1) without copying the body.
internal import Transport

/// Decodes one chunked body.
///
/// The connection that receives the body owns the decoder.
///
/// `decode` runs at least once for each token that an engine streams. So it has a fast path for chunks whose first line
/// has arrived whole.
package struct ChunkedDecoder: Sendable {
    /// The result of one call of `decode`.
    package enum Step: Equatable, Sendable {
        /// Bytes of the body, as a range of the input.
        ///
        /// The next call continues at the upper bound of the range.
        case data(Range<Int>)
        /// The decoder has read the whole input of `consumed` bytes, and the body has not ended.
        ///
        /// The caller can discard the input.
        case needsMore(consumed: Int)
        /// The body and its trailers have ended.
        ///
        /// The bytes after the first `consumed` bytes belong to the next message.
        case end(consumed: Int)
        /// The framing is malformed.
        ///
        /// Every later call fails in the same way.
        case failed(HTTP1Error)
    }

    /// The largest total size of chunk extensions in one body, in bytes.
    ///
    /// The limit is low, because model servers and their clients send no extensions.
    package static let extensionBytes = 256
    /// The largest trailer section of one body, in bytes.
    static let trailerBytes = 8 * 1024
    /// The largest number of trailer fields in one body.
    static let trailerFields = 32
    private static let sizeDigits = 16

    private enum State: UInt8 {
        case sizeStart, size, sizeLineFeed
        case extensionName, extensionValueStart, extensionValue, quoted, quotedPair, quotedEnd
        case data, dataReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed
        case ended
    }

    private var state = State.sizeStart
    private var digits = 0
    private var hasName = false
    /// The number of bytes of the current chunk that have not arrived yet.
    private var remaining = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerFields = 0
    private var trailerName: [UInt8] = []
    private var failure: HTTP1Error?

    /// Makes a decoder; the first bytes that it gets must be the beginning of a body.
    package init() {}

    /// Whether the whole body has been decoded without an error.
    package var isComplete: Bool { state == .ended && failure == nil }

    /// Decodes the next part of the body.
    ///
    /// `bytes` must begin where the previous call stopped.
    package mutating func decode(_ bytes: Span<UInt8>) -> Step {
        var index = 0
        let count = bytes.count
        if state == .data { return takeData(of: count, from: 0) }
        if state == .dataReturn, count >= 2, bytes[0] == 0x0d, bytes[1] == 0x0a {
            state = .sizeStart
            index = 2
        }
        if state == .sizeStart {
            // This fast path reads the line with the size of a chunk, if the whole line has arrived. Nearly all lines
            // arrive whole.
            let start = index
            let last = min(count, start + Self.sizeDigits - 1)
            var size = 0
            while index < last {
                guard let digit = bytes[index].hexDigitValue else { break }
                size = size << 4 | Int(digit)
                index += 1
            }
            if size > 0, index + 1 < count, bytes[index] == 0x0d, bytes[index + 1] == 0x0a {
                remaining = size
                state = .data
                return takeData(of: count, from: index + 2)
            }
            index = start
        }
        return decodeByByte(bytes, from: index)
    }

    private mutating func takeData(of count: Int, from index: Int) -> Step {
        let length = min(remaining, count - index)
        guard length > 0 else { return .needsMore(consumed: count) }
        remaining -= length
        if remaining == 0 { state = .dataReturn }
        return .data(index..<index + length)
    }

    /// Decodes byte by byte what the fast path does not handle: lines that are split between two reads, extensions, the
    /// last chunk, trailers and errors.
    @inline(never)
    private mutating func decodeByByte(_ bytes: Span<UInt8>, from start: Int) -> Step {
        if let failure { return .failed(failure) }
        var index = start
        do throws(HTTP1Error) {
            while state != .ended {
                guard index < bytes.count else { return .needsMore(consumed: bytes.count) }
                if state == .data { return takeData(of: bytes.count, from: index) }
                let byte = bytes[index]
                index += 1
                try read(byte)
            }
            return .end(consumed: index)
        } catch {
            failure = error
            state = .ended
            return .failed(error)
        }
    }

    /// Reads one byte that is not chunk data.
    private mutating func read(_ byte: UInt8) throws(HTTP1Error) {
        switch state {
        case .sizeStart, .size, .sizeLineFeed: try readSize(byte)
        case .extensionName, .extensionValueStart, .extensionValue, .quoted, .quotedPair, .quotedEnd:
            try readExtension(byte)
        case .dataReturn, .dataLineFeed: try readChunkEnd(byte)
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .endLineFeed: try readTrailer(byte)
        case .data, .ended: break
        }
    }

    private mutating func readSize(_ byte: UInt8) throws(HTTP1Error) {
        switch state {
        case .sizeLineFeed:
            guard byte == HTTP1Byte.lineFeed else { throw HTTP1Error(.malformedChunkSize) }
            state = remaining > 0 ? .data : .trailerStart
            digits = 0
        case .size where byte == HTTP1Byte.carriageReturn: state = .sizeLineFeed
        case .size where byte == HTTP1Byte.semicolon: try beginExtension()
        default:
            guard let digit = byte.hexDigitValue, digits < Self.sizeDigits, remaining >> 59 == 0 else {
                throw HTTP1Error(.malformedChunkSize)
            }
            remaining = remaining << 4 | Int(digit)
            digits += 1
            state = .size
        }
    }

    private mutating func readChunkEnd(_ byte: UInt8) throws(HTTP1Error) {
        let expected = state == .dataReturn ? HTTP1Byte.carriageReturn : HTTP1Byte.lineFeed
        guard byte == expected else { throw HTTP1Error(.malformedChunkEnd) }
        state = state == .dataReturn ? .dataLineFeed : .sizeStart
    }

    // MARK: Extensions, which are validated and dropped

    private mutating func beginExtension() throws(HTTP1Error) {
        state = .extensionName
        hasName = false
        try countExtensionByte()
    }

    private mutating func countExtensionByte() throws(HTTP1Error) {
        extensionBytes += 1
        guard extensionBytes <= Self.extensionBytes else { throw HTTP1Error(.chunkExtensionsTooLong) }
    }

    private mutating func readExtension(_ byte: UInt8) throws(HTTP1Error) {
        switch state {
        case .quoted, .quotedPair: try readQuoted(byte)
        case .extensionName, .extensionValueStart, .extensionValue:
            guard try readWord(byte) else { return try endExtension(byte) }
        default: try endExtension(byte)
        }
    }

    private mutating func readQuoted(_ byte: UInt8) throws(HTTP1Error) {
        guard byte.isFieldText else { throw HTTP1Error(.malformedChunkExtension) }
        if state == .quotedPair {
            state = .quoted
        } else if byte == HTTP1Byte.quote {
            state = .quotedEnd
        } else if byte == HTTP1Byte.backslash {
            state = .quotedPair
        }
        try countExtensionByte()
    }

    /// Reads a byte of an extension if it is part of the name, the equals sign, the opening quotation mark, or part of
    /// an unquoted value.
    ///
    /// - Returns: false for any other byte, which this function does not read.
    private mutating func readWord(_ byte: UInt8) throws(HTTP1Error) -> Bool {
        if byte.isToken {
            hasName = true
            if state == .extensionValueStart { state = .extensionValue }
        } else if state == .extensionValueStart {
            guard byte == HTTP1Byte.quote else { throw HTTP1Error(.malformedChunkExtension) }
            state = .quoted
        } else if state == .extensionName, hasName, byte == HTTP1Byte.equals {
            state = .extensionValueStart
        } else {
            return false
        }
        try countExtensionByte()
        return true
    }

    /// Reads the byte after an extension.
    ///
    /// This byte must begin the next extension, or end the line that contains the size of the chunk.
    private mutating func endExtension(_ byte: UInt8) throws(HTTP1Error) {
        guard hasName else { throw HTTP1Error(.malformedChunkExtension) }
        switch byte {
        case HTTP1Byte.semicolon: try beginExtension()
        case HTTP1Byte.carriageReturn: state = .sizeLineFeed
        default: throw HTTP1Error(.malformedChunkExtension)
        }
    }

    // MARK: Trailers, which are validated and dropped

    private mutating func readTrailer(_ byte: UInt8) throws(HTTP1Error) {
        trailerBytes += 1
        guard trailerBytes <= Self.trailerBytes else { throw HTTP1Error(.trailersTooLarge) }
        switch state {
        case .trailerStart where byte == HTTP1Byte.carriageReturn: state = .endLineFeed
        case .trailerStart, .trailerName: try readTrailerName(byte)
        case .trailerValue:
            if byte == HTTP1Byte.carriageReturn {
                state = .trailerLineFeed
            } else if !byte.isFieldText {
                throw HTTP1Error(.malformedTrailer)
            }
        default:
            guard byte == HTTP1Byte.lineFeed else { throw HTTP1Error(.malformedTrailer) }
            state = state == .endLineFeed ? .ended : .trailerStart
        }
    }

    private mutating func readTrailerName(_ byte: UInt8) throws(HTTP1Error) {
        if byte.isToken {
            trailerName.append(byte.lowercased)
            state = .trailerName
        } else {
            guard byte == HTTP1Byte.colon, !trailerName.isEmpty else { throw HTTP1Error(.malformedTrailer) }
            try endTrailerName()
        }
    }

    private mutating func endTrailerName() throws(HTTP1Error) {
        trailerFields += 1
        guard trailerFields <= Self.trailerFields else { throw HTTP1Error(.trailersTooLarge) }
        guard !isForbiddenTrailer(FieldName(lowercase: trailerName[...])) else { throw HTTP1Error(.forbiddenTrailer) }
        trailerName.removeAll(keepingCapacity: true)
        state = .trailerValue
    }
}
