// Splits received bytes into frames. nghttp2 does not report the frames that it ignores. So the sessions read the frame
// headers themselves, to count frames and to check frames on closed streams.

/// The header of a frame (RFC 9113 section 4.1).
struct HTTP2FrameHeader: Equatable {
    var length: Int
    var type: UInt8
    var flags: UInt8
    var stream: Int32
    /// The first number in the payload: the increment of a WINDOW_UPDATE, or the stream that a PRIORITY depends on.
    ///
    /// The number is nil for other frame types, and for a PRIORITY whose payload did not arrive together with its
    /// header.
    var number: Int32?

    static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, resetStream: UInt8 = 3
    static let pushPromise: UInt8 = 5, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    /// Whether the frame ends the sender's side of its stream.
    var endsStream: Bool { flags & 1 != 0 && (type == Self.data || type == Self.headers) }
    /// Whether a HEADERS, PUSH_PROMISE or CONTINUATION frame ends its header block.
    var endsHeaders: Bool { flags & 4 != 0 }
}

/// Splits the bytes of one peer into pieces, each of which belongs to a single frame.
///
/// The session with the peer owns the reader.
struct HTTP2FrameReader {
    static let headerSize = 9
    private static let prefaceSize = 24

    private var prefaceLeft: Int
    private var payloadLeft = 0
    /// The start of a frame whose header has not arrived whole yet.
    private var partial: [UInt8] = []

    /// - Parameter afterPreface: whether the peer is a client, whose first frame follows the connection preface.
    init(afterPreface: Bool = true) { prefaceLeft = afterPreface ? Self.prefaceSize : 0 }

    /// A part of the input that a session passes to nghttp2 in one call.
    ///
    /// Each piece belongs to a single frame. If a piece contains a frame header, it contains the whole header.
    enum Piece {
        /// The next bytes of the input: their number, and the frame header with which they begin, if any.
        case bytes(Int, HTTP2FrameHeader?)
        /// A frame header that arrived in parts: all its bytes, of which the last `used` bytes are from this input.
        case header([UInt8], HTTP2FrameHeader, used: Int)
        /// The whole input is a part of a frame header.
        ///
        /// The reader keeps the part until more bytes arrive.
        case wait
    }

    /// Takes the next piece from the input.
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

    /// How many bytes of a frame must have arrived before `next` returns a piece of the frame.
    ///
    /// `next` waits for the whole header, and for a whole WINDOW_UPDATE.
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
