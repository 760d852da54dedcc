// HTTP/2 frames, built and parsed by hand, so that a test can send frames that no HTTP/2 library would send.

/// One frame of HTTP/2 (RFC 9113 section 4.1).
package struct Frame: Equatable {
    package var type: UInt8
    package var flags: UInt8
    package var stream: UInt32
    package var payload: [UInt8]

    package static let data: UInt8 = 0, headers: UInt8 = 1, priority: UInt8 = 2, reset: UInt8 = 3, settings: UInt8 = 4
    package static let ping: UInt8 = 6, goAway: UInt8 = 7, windowUpdate: UInt8 = 8, continuation: UInt8 = 9
    package static let endStream: UInt8 = 1, acknowledge: UInt8 = 1, endHeaders: UInt8 = 4

    package init(type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8]) {
        self.type = type
        self.flags = flags
        self.stream = stream
        self.payload = payload
    }

    package var bytes: [UInt8] { big(UInt32(payload.count))[1...] + [type, flags] + big(stream) + payload }

    package var endsStream: Bool { flags & Self.endStream != 0 }
    /// The first four bytes of the payload as a number: the error code of RST_STREAM, or the increment of
    /// WINDOW_UPDATE.
    package var word: UInt32 { payload.prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    /// The error code in a GOAWAY frame.
    package var goAwayCode: UInt32 { payload.dropFirst(4).prefix(4).reduce(0) { $0 << 8 | UInt32($1) } }
    package var text: String { String(decoding: payload, as: UTF8.self) }
    /// The `:status` of a HEADERS frame; reads only the HPACK forms that nghttp2 uses for it.
    package var status: Int {
        if payload[0] == 0x48, payload[1] == 3 { return Int(String(decoding: payload[2..<5], as: UTF8.self))! }
        return [0x88: 200, 0x89: 204, 0x8c: 400, 0x8d: 404, 0x8e: 500][payload[0]] ?? 0
    }

    /// Removes all complete frames from the front of `bytes` and returns them; an incomplete frame stays in `bytes`.
    package static func take(from bytes: inout [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var start = 0
        while bytes.count - start >= 9 {
            let length = bytes[start..<start + 3].reduce(0) { $0 << 8 | Int($1) }
            let end = start + 9 + length
            guard bytes.count >= end else { break }
            // The first bit of the stream identifier is reserved, and receivers ignore it (RFC 9113 section 4.1).
            let stream = bytes[start + 5..<start + 9].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
            let payload = Array(bytes[start + 9..<end])
            frames.append(Frame(type: bytes[start + 3], flags: bytes[start + 4], stream: stream, payload: payload))
            start = end
        }
        bytes.removeFirst(start)
        return frames
    }
}

extension [Frame] {
    /// All frames of one stream, or only its frames of one type.
    package func of(_ stream: UInt32, _ type: UInt8? = nil) -> [Frame] {
        filter { $0.stream == stream && (type == nil || $0.type == type) }
    }
}

/// A 32-bit number in network byte order, as in the payloads of RST_STREAM, WINDOW_UPDATE and SETTINGS.
package func big(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

/// One header field, encoded as an HPACK literal without indexing (RFC 7541 section 6.2.2).
package func literal(_ name: String, _ value: String) -> [UInt8] {
    func text(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 127 | 128))
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }
    return [0] + text(name) + text(value)
}
