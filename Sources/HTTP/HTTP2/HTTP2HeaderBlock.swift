// The header block that a client is sending: what decoding it takes of memory, and trailers, of which nothing is kept.
internal import Transport

/// Confined to its session.
struct HTTP2HeaderBlock {
    /// A name and a value that are being decoded have buffers of twice their length at most, and nghttp2 takes none
    /// beyond 64 KiB.
    private static let decodingMax = 256 << 10
    /// As of a head: ten times what is answered with 431 ends the connection.
    private static let fatalFactor = 10

    /// Bytes of the frames that the block came in so far.
    private var received = 0
    private var trailerCount = 0
    private var trailerWeight = 0
    private var charge = MemoryCharge()

    /// A frame has begun to come in.
    mutating func frame(_ header: HTTP2FrameHeader) {
        switch header.type {
        case HTTP2FrameHeader.headers: (received, trailerCount, trailerWeight) = (header.length, 0, 0)
        case HTTP2FrameHeader.continuation: received += header.length
        default: return
        }
    }

    /// Counts one trailer field; false when there are so many that the connection has to end.
    mutating func trailer(name: Span<UInt8>, value: Span<UInt8>, settings: ServerSettings) -> Bool {
        trailerCount += 1
        trailerWeight += name.count + value.count + 32
        return trailerCount <= settings.headerCountMax * Self.fatalFactor
            && trailerWeight <= settings.headerBytesMax * Self.fatalFactor
    }

    /// What has come has been read: a block that is not whole yet is charged for what its decoding holds.
    ///
    /// - Parameter fields: what has been kept of its fields, in bytes.
    mutating func settle(isOpen: Bool, fields: Int, on account: MemoryAccount) {
        guard isOpen || charge.bytes > 0 else { return }
        charge.set(isOpen ? min(2 * received, Self.decodingMax) + fields : 0, on: account)
    }
}
