// The header block that a peer is sending: how many fields it has and how large they are, whether anybody is told of them
// or not; and what decoding it takes of memory. Heads, interim heads, trailers and blocks that nghttp2 ignores are counted
// alike, from clients and from executors.
internal import Transport

/// Confined to its session.
struct HTTP2HeaderBlock {
    /// A name and a value that are being decoded have buffers of twice their length at most, and nghttp2 takes none
    /// beyond 64 KiB.
    private static let decodingMax = 256 << 10
    /// Connections that carry many users have so many times the allowance.
    private static let trustedFactor = 10
    /// A block whose fields decode to so many times the bytes that came of it only repeats what it has put into the table.
    private static let repeatedTimes = 8
    /// Such a block ends the connection at so many times what a block may have, in place of `fatalFactor` times.
    private static let repeatedFactor = 2

    /// What one block may have: fields, and bytes by the rule of RFC 9113 section 6.5.2 (name, value and 32 a field).
    let fieldsMax: Int
    let bytesMax: Int
    private var counter = HTTP2FieldCounter()
    /// Of the decoded fields.
    private(set) var weight = 0
    private var decodedFields = 0
    /// What the block has taken of `extraFields`.
    private var fieldsCharged = 0
    /// A block of so many times these ends the connection: to drop a field is to decode it all the same.
    private let fatalFactor: Int
    /// What all blocks of the connection together may have beyond `fieldsMax` and `bytesMax`.
    ///
    /// As much as one block at once, and once more the limits each second: else each stream could have a block as large as
    /// may be.
    private var extraFields: TokenBucket
    private var extraBytes: TokenBucket
    /// Bytes of the frames that the block came in so far.
    private var received = 0
    private var charge = MemoryCharge()

    init(fieldsMax: Int, bytesMax: Int, fatalFactor: Int = 10, isTrusted: Bool = false, now: Nanoseconds) {
        self.fatalFactor = fatalFactor
        self.fieldsMax = fieldsMax
        self.bytesMax = bytesMax
        let factor = isTrusted ? Self.trustedFactor : 1
        func bucket(_ limit: Int) -> TokenBucket {
            TokenBucket(burst: (fatalFactor - 1) * limit * factor, perSecond: limit * factor, now: now)
        }
        extraFields = bucket(fieldsMax)
        extraBytes = bucket(bytesMax)
    }

    enum Verdict { case fine, tooMuch, malformed }

    /// Fields that have come, decoded or not.
    var fields: Int { counter.fields }
    /// It has more than a head may have.
    var isTooLarge: Bool { counter.fields > fieldsMax || weight > bytesMax }

    /// The stream whose block has begun and not ended: only its CONTINUATION may follow (RFC 9113 section 4.3).
    private(set) var continuing: Int32?

    /// A frame has begun to come in.
    mutating func frame(_ header: HTTP2FrameHeader) {
        switch header.type {
        case HTTP2FrameHeader.headers:
            (received, weight, decodedFields, fieldsCharged) = (header.length, 0, 0, 0)
        case HTTP2FrameHeader.continuation: received += header.length
        default: return
        }
        continuing = header.endsHeaders ? nil : header.stream
        counter.begin(header)
    }

    /// Counts payload that has come, of any frame, before the library is given it.
    mutating func payload(_ bytes: Span<UInt8>, now: Nanoseconds) -> Verdict {
        guard counter.isReading else { return .fine }
        let before = counter.fields
        counter.read(bytes)
        if counter.isMalformed { return .malformed }
        guard counter.fields > fieldsMax else { return .fine }
        let excess = counter.fields - max(before, fieldsMax)
        fieldsCharged += excess
        let isWithin = counter.fields <= fieldsMax * fatalFactor && extraFields.take(Double(excess), now: now)
        return isWithin ? .fine : .tooMuch
    }

    /// The last field was a further crumb of a cookie: all of them are one field, and only their size counts.
    mutating func wasCrumb() {
        guard fieldsCharged > 0 else { return }
        fieldsCharged -= 1
        extraFields.credit(1)
    }

    /// The library has decoded a field; false when the connection has to end.
    mutating func decoded(name: Span<UInt8>, value: Span<UInt8>, now: Nanoseconds) -> Bool {
        decodedFields += 1
        assert(decodedFields <= counter.fields, "the library and the counter read a header block differently")
        let before = weight
        weight += name.count + value.count + 32
        guard weight > bytesMax else { return true }
        let excess = weight - max(before, bytesMax)
        let content = weight - 32 * decodedFields
        guard content > Self.repeatedTimes * received else {
            return weight <= bytesMax * fatalFactor && extraBytes.take(Double(excess), now: now)
        }
        // It may exceed the limit by `repeatedFactor - 1` limits in place of `fatalFactor - 1`, so that it takes of the
        // connection's allowance in this proportion more.
        let times = (fatalFactor - 1) / (Self.repeatedFactor - 1)
        return weight <= bytesMax * Self.repeatedFactor && extraBytes.take(Double(excess * times), now: now)
    }

    /// What has come has been read: a block that is not whole yet is charged for what its decoding holds.
    ///
    /// - Parameter fields: what has been kept of its fields, in bytes.
    mutating func settle(isOpen: Bool, fields: Int, on account: MemoryAccount) {
        guard isOpen || charge.bytes > 0 else { return }
        charge.set(isOpen ? min(2 * received, Self.decodingMax) + fields : 0, on: account)
    }
}
