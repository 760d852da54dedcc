// The header block that a peer is sending: how many fields it has, how large they are, and how much memory its decoding
// takes. Heads, interim heads, trailers and blocks that nghttp2 ignores are counted alike, from clients and from
// executors.
internal import Transport

/// The limits of header blocks on one connection, and the block that is arriving.
///
/// Confined to its session. Fields are counted in the bytes as they arrive, before nghttp2 decodes them; their size is
/// counted as nghttp2 reports them.
struct HTTP2HeaderBlock {
    /// The most that nghttp2 holds while it decodes, in bytes: a name and a value have buffers of at most twice their
    /// length, and none is accepted beyond 64 KiB.
    private static let decodingMax = 256 << 10
    /// A trusted connection carries many users and has this many times the allowance.
    private static let trustedFactor = 10
    /// A block whose fields decode to more than this many times the bytes that arrived only repeats what it has put
    /// into the HPACK table.
    private static let repeatedTimes = 8
    /// Such a block ends the connection at this many times the limit of a block, in place of `fatalFactor` times.
    private static let repeatedFactor = 2

    /// The limits of one block: fields, and bytes by the rule of RFC 9113 section 6.5.2 (name, value and 32 a field).
    let fieldsMax: Int
    let bytesMax: Int
    private var counter = HTTP2FieldCounter()
    /// The size of the decoded fields, in bytes by the same rule.
    private(set) var weight = 0
    private var decodedFields = 0
    /// How many fields the block has taken from `extraFields`.
    private var fieldsCharged = 0
    /// A block of this many times the limits ends the connection, because fields that are dropped cost their decoding.
    private let fatalFactor: Int
    /// How much all blocks of the connection together may have beyond `fieldsMax` and `bytesMax`.
    ///
    /// At once this is what one block may exceed them by, and after that `fieldsMax` and `bytesMax` each second.
    /// Otherwise every stream could have a block just below `fatalFactor` times the limits.
    private var extraFields: HTTP2Allowance
    private var extraBytes: HTTP2Allowance
    /// Bytes of the frames in which the block has arrived so far.
    private var received = 0
    private var charge = MemoryCharge()

    init(fieldsMax: Int, bytesMax: Int, fatalFactor: Int = 10, isTrusted: Bool = false) {
        self.fatalFactor = fatalFactor
        self.fieldsMax = fieldsMax
        self.bytesMax = bytesMax
        let factor = isTrusted ? Self.trustedFactor : 1
        func allowance(_ limit: Int) -> HTTP2Allowance {
            HTTP2Allowance(burst: (fatalFactor - 1) * limit * factor, perSecond: limit * factor)
        }
        extraFields = allowance(fieldsMax)
        extraBytes = allowance(bytesMax)
    }

    enum Verdict { case fine, tooMuch, malformed }

    /// The number of fields that have arrived, decoded or not.
    var fields: Int { counter.fields }
    /// Whether the block is larger than a head may be.
    var isTooLarge: Bool { counter.fields > fieldsMax || weight > bytesMax }

    /// The stream whose block has begun and not ended: only a CONTINUATION of that stream may follow (RFC 9113 section
    /// 4.3).
    private(set) var continuing: Int32?

    /// A frame begins to arrive.
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

    /// Counts payload of any frame, before nghttp2 is given it.
    mutating func payload(_ bytes: Span<UInt8>, now: Nanoseconds) -> Verdict {
        guard counter.isReading else { return .fine }
        let before = counter.fields
        counter.read(bytes)
        if counter.isMalformed { return .malformed }
        guard counter.fields > fieldsMax else { return .fine }
        let excess = counter.fields - max(before, fieldsMax)
        fieldsCharged += excess
        let isWithin = counter.fields <= fieldsMax * fatalFactor && extraFields.take(excess, now: now)
        return isWithin ? .fine : .tooMuch
    }

    /// The last field was a further part of a split cookie.
    ///
    /// All parts are one field, and only their size counts.
    mutating func wasCrumb() {
        guard fieldsCharged > 0 else { return }
        fieldsCharged -= 1
        extraFields.giveBack(1)
    }

    /// Counts the size of a field that nghttp2 has decoded; false when the connection has to end.
    mutating func decoded(name: Span<UInt8>, value: Span<UInt8>, now: Nanoseconds) -> Bool {
        decodedFields += 1
        assert(decodedFields <= counter.fields, "nghttp2 and the counter read a header block differently")
        let before = weight
        weight += name.count + value.count + 32
        guard weight > bytesMax else { return true }
        let excess = weight - max(before, bytesMax)
        let content = weight - 32 * decodedFields
        guard content > Self.repeatedTimes * received else {
            return weight <= bytesMax * fatalFactor && extraBytes.take(excess, now: now)
        }
        // A block that repeats the HPACK table may have `repeatedFactor` times the limit, and others `fatalFactor`
        // times. Its excess counts proportionally more, so that a block of either kind can use up the whole allowance.
        let times = (fatalFactor - 1) / (Self.repeatedFactor - 1)
        return weight <= bytesMax * Self.repeatedFactor && extraBytes.take(excess * times, now: now)
    }

    /// Charges the memory that nghttp2 and the session hold for a block that is not whole; called at the end of a read.
    ///
    /// - Parameter fields: what the session has kept of its fields, in bytes.
    mutating func settle(isOpen: Bool, fields: Int, on account: MemoryAccount) {
        guard isOpen || charge.bytes > 0 else { return }
        charge.set(isOpen ? min(2 * received, Self.decodingMax) + fields : 0, on: account)
    }
}
