// Splits the bytes received on an HTTP/2 connection into frames. nghttp2 does not report frames that it ignores. So the
// server reads the frame headers itself, to count frames and to check frames on closed streams.

/// The header of an HTTP/2 frame (RFC 9113 section 4.1).
struct HTTP2FrameHeader: Equatable {
    var length: Int
    var type: UInt8
    var flags: UInt8
    var stream: Int32
    /// The first number in the payload: the increment of a WINDOW_UPDATE, or the stream that a PRIORITY depends on.
    ///
    /// The number is nil for other frame types. It is also nil for a PRIORITY frame if the payload arrived later than
    /// the header.
    var number: Int32?

    static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, resetStream: UInt8 = 3
    static let pushPromise: UInt8 = 5, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    /// Whether the frame ends the sender's side of its stream.
    var endsStream: Bool { flags & 1 != 0 && (type == Self.data || type == Self.headers) }
    /// Whether the flag END_HEADERS is set; valid only for HEADERS, PUSH_PROMISE and CONTINUATION frames.
    var endsHeaders: Bool { flags & 4 != 0 }
}

/// Splits the bytes from one peer into pieces, so that no piece has bytes of two frames.
///
/// Each HTTP/2 session has its own reader.
struct HTTP2FrameReader {
    static let headerSize = 9
    private static let prefaceSize = 24

    private var prefaceLeft: Int
    private var payloadLeft = 0
    /// The first bytes of a frame, kept because the frame's header is still incomplete.
    private var partial: [UInt8] = []

    /// Makes a reader that has read nothing yet.
    ///
    /// - Parameter afterPreface: whether the peer is a client, whose first frame follows the connection preface.
    init(afterPreface: Bool = true) { prefaceLeft = afterPreface ? Self.prefaceSize : 0 }

    /// A part of the received bytes that a session passes to nghttp2 in one call.
    ///
    /// A piece belongs to a single frame, or to the connection preface. A frame header is never split over two pieces.
    enum Piece {
        /// The first bytes of the input: how many, and the frame header if they begin with one.
        case bytes(Int, HTTP2FrameHeader?)
        /// A frame whose header arrived in several parts: all bytes of these parts, and the header that they contain.
        ///
        /// Only the last `used` bytes come from this input. The reader has kept the earlier ones.
        case header([UInt8], HTTP2FrameHeader, used: Int)
        /// The whole input belongs to a frame header that is still incomplete.
        ///
        /// The reader keeps the bytes until the rest arrives.
        case wait
    }

    /// Returns the next piece of the input; the caller removes it from the input before the next call.
    mutating func next(_ bytes: Span<UInt8>) -> Piece {
        if prefaceLeft > 0 {
            let step = min(prefaceLeft, bytes.count)
            prefaceLeft -= step
            return .bytes(step, nil)
        }
        if payloadLeft > 0 {
            let step = min(payloadLeft, bytes.count)
            payloadLeft -= step
            return .bytes(step, nil)
        }
        if partial.isEmpty, bytes.count >= Self.headerSize {
            let header = Self.header(bytes)
            if bytes.count >= Self.needed(header) {
                let step = min(Self.headerSize + header.length, bytes.count)
                payloadLeft = Self.headerSize + header.length - step
                return .bytes(step, header)
            }
        }
        var used = 0
        while partial.count < Self.headerSize || partial.count < Self.needed(Self.header(partial.span)) {
            guard used < bytes.count else { return .wait }
            partial.append(bytes[used])
            used += 1
        }
        let whole = partial
        partial = []
        let header = Self.header(whole.span)
        payloadLeft = Self.headerSize + header.length - whole.count
        return .header(whole, header, used: used)
    }

    /// How many bytes of a frame must have arrived before `next` returns the frame's first piece.
    ///
    /// The frame's header is enough, except for a WINDOW_UPDATE frame of the correct length. Such a frame must have
    /// arrived whole, because the session checks its increment as soon as it gets the header.
    private static func needed(_ header: HTTP2FrameHeader) -> Int {
        header.type == HTTP2FrameHeader.windowUpdate && header.length == 4 ? headerSize + 4 : headerSize
    }

    private static func header(_ bytes: Span<UInt8>) -> HTTP2FrameHeader {
        var header = HTTP2FrameHeader(
            length: Int(bytes[0]) << 16 | Int(bytes[1]) << 8 | Int(bytes[2]),
            type: bytes[3],
            flags: bytes[4],
            stream: number(bytes, at: 5)
        )
        let hasNumber = header.type == HTTP2FrameHeader.priority || header.type == HTTP2FrameHeader.windowUpdate
        if hasNumber, bytes.count >= headerSize + 4 { header.number = number(bytes, at: headerSize) }
        return header
    }

    /// Reads a 32-bit number in network byte order, without its reserved highest bit.
    private static func number(_ bytes: Span<UInt8>, at start: Int) -> Int32 {
        var value: UInt32 = 0
        for index in start..<start + 4 { value = value << 8 | UInt32(bytes[index]) }
        return Int32(value & 0x7FFF_FFFF)
    }
}
