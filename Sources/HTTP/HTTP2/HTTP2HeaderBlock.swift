// Limits the header blocks that a client or an executor sends: the number of fields, their size, and the memory for
// decoding them. The limits apply to heads, interim heads, trailers and the blocks that nghttp2 ignores.
internal import Transport

/// The limits of header blocks on one connection, and the block that is arriving.
///
/// The number of fields is found in the received bytes, before nghttp2 decodes them. The size of the fields is added up
/// later, when nghttp2 reports them decoded.
struct HTTP2HeaderBlock {
    /// The largest amount of memory that nghttp2 holds while it decodes a field, in bytes.
    ///
    /// The name and the value each have a buffer of at most twice their length, and nghttp2 accepts at most 64 KiB
    /// for each.
    private static let decodingMax = 256 << 10
    /// The factor by which the allowances `extraFields` and `extraBytes` are larger on a connection from a proxy of the
    /// operator, because such a connection carries many users.
    private static let trustedFactor = 10
    /// A block counts as one that mainly repeats entries of the HPACK table if its decoded fields are more than this
    /// many times as large as the received bytes.
    ///
    /// Such a block has a smaller limit, because HPACK lets a peer repeat a large field in very few bytes.
    private static let repeatedTimes = 8
    /// The largest block that mainly repeats entries of the HPACK table, as a multiple of `bytesMax`.
    ///
    /// A larger block of this kind ends the connection. For all other blocks, the factor is `fatalFactor`.
    private static let repeatedFactor = 2

    /// The limits of one block: the number of its fields, and its size in bytes.
    ///
    /// The size includes 32 bytes for each field, by the rule of RFC 9113 section 6.5.2.
    let fieldsMax: Int
    let bytesMax: Int
    private var counter = HTTP2FieldCounter()
    /// The size of the decoded fields by the rule of RFC 9113 section 6.5.2, in bytes.
    private(set) var weight = 0
    private var decodedFields = 0
    /// How many fields of the block have been subtracted from the allowance `extraFields`.
    private var fieldsCharged = 0
    /// A block ends the connection if it has more than this many times `fieldsMax` fields or `bytesMax` bytes.
    ///
    /// The fields of a block that is too large are dropped, but decoding them still takes time.
    private let fatalFactor: Int
    /// How many fields and bytes beyond `fieldsMax` and `bytesMax` all blocks of the connection together may have.
    ///
    /// A single block may have up to `fatalFactor` times the limits. The allowance, which all blocks share, prevents
    /// such a block on every stream: it is enough for one, and each second `fieldsMax` and `bytesMax` are added to it
    /// again. On a connection from a proxy of the operator, it is `trustedFactor` times as large.
    private var extraFields: HTTP2Allowance
    private var extraBytes: HTTP2Allowance
    /// The total payload length of the block's frames so far, in bytes.
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

    /// The number of fields that have arrived, including fields that are not decoded yet.
    var fields: Int { counter.fields }
    /// Whether the block exceeds `fieldsMax` or `bytesMax`.
    var isTooLarge: Bool { counter.fields > fieldsMax || weight > bytesMax }

    /// The stream whose header block has begun and not ended; nil if there is none.
    ///
    /// Only a CONTINUATION of that stream may follow (RFC 9113 section 4.3).
    private(set) var continuing: Int32?

    /// Prepares to count the header fields in the payload of a frame.
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

    /// Counts the header fields in the next bytes of a frame's payload, before nghttp2 reads the bytes.
    ///
    /// The session calls this for frames of every type. Only HEADERS and CONTINUATION frames have header fields.
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

    /// Undoes the count of the latest field in `extraFields`, because the field is a further part of a split cookie.
    ///
    /// All parts of a cookie count as one field. The size of each part still counts.
    mutating func wasCrumb() {
        guard fieldsCharged > 0 else { return }
        fieldsCharged -= 1
        extraFields.giveBack(1)
    }

    /// Counts the size of a field that nghttp2 has decoded.
    ///
    /// Returns false if the connection has to end.
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
        // A block that mainly repeats entries of the HPACK table may have `repeatedFactor` times `bytesMax` bytes, and
        // any other block `fatalFactor` times. The bytes beyond `bytesMax` are multiplied by `times`, so that the
        // largest block of each kind takes the same number of bytes from the allowance `extraBytes`.
        let times = (fatalFactor - 1) / (Self.repeatedFactor - 1)
        return weight <= bytesMax * Self.repeatedFactor && extraBytes.take(excess * times, now: now)
    }

    /// Counts the memory that nghttp2 and the session hold for a header block which has not arrived completely.
    ///
    /// The session calls this function at the end of each read.
    ///
    /// - Parameters:
    ///   - isOpen: whether a block has begun to arrive and is not complete.
    ///   - fields: the memory of the block's fields that the session keeps, in bytes.
    mutating func settle(isOpen: Bool, fields: Int, on account: MemoryAccount) {
        guard isOpen || charge.bytes > 0 else { return }
        charge.set(isOpen ? min(2 * received, Self.decodingMax) + fields : 0, on: account)
    }
}
