// Removes the chunked framing of a body (RFC 9112 section 7.1) without copying the body.
internal import Transport

/// Decodes one chunked body; a value type that its connection owns.
///
/// It runs once for each token of each stream, so `decode` has a short path for a chunk that has arrived whole.
package struct ChunkedDecoder: Sendable {
    /// What a call of `decode` found.
    package enum Step: Equatable, Sendable {
        /// Bytes of the body, as a range of the span. The next call continues at the range's upper bound.
        case data(Range<Int>)
        /// The whole span was read, which is `consumed` bytes, and the body goes on; the caller need not keep any of
        /// them.
        case needsMore(consumed: Int)
        /// The body and its trailers have ended; the bytes after `consumed` belong to the next message.
        case end(consumed: Int)
        /// The framing is malformed. Every later call fails in the same way.
        case failed(HTTP1Error)
    }

    /// The most bytes of chunk extensions in one body; model servers and their clients send none.
    package static let extensionBytes = 256
    /// The most bytes of trailers in one body.
    static let trailerBytes = 8 * 1024
    /// The most trailer fields of one body.
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
    /// Bytes of the current chunk that have not arrived yet.
    private var remaining = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerFields = 0
    private var trailerName: [UInt8] = []
    private var failure: HTTP1Error?

    /// A decoder for a body that begins with the next byte.
    package init() {}

    /// Whether the body has been read to its end.
    package var isComplete: Bool { state == .ended && failure == nil }

    /// Decodes the next step of the body from `bytes`, which begin where the previous step ended.
    package mutating func decode(_ bytes: Span<UInt8>) -> Step {
        var index = 0
        let count = bytes.count
        if state == .data { return takeData(of: count, from: 0) }
        if state == .dataReturn, count >= 2, bytes[0] == 0x0d, bytes[1] == 0x0a {
            state = .sizeStart
            index = 2
        }
        if state == .sizeStart {
            // The size line has nearly always arrived whole.
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

    /// Handles what is rare: lines cut by a read, extensions, the last chunk, trailers and errors.
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

    /// Reads a byte outside of the data of chunks.
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

    /// Reads a byte of a name, of an unquoted value, or between the two.
    ///
    /// - Returns: false if the byte is none of these; then it has not been read.
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

    /// Reads the byte behind a name, a token or a quoted value: another extension follows, or the end of the line.
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
