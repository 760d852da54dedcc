// The plan of a fuzzed HTTP/2 executor: what happens on its connections in addition to the frames of the fuzzer.

struct HTTP2Plan {
    /// How many attempts are started at the beginning, all at once.
    var attempts = 1
    var reactions: UInt64 = 0
    /// The bytes that the executor sends on each connection in the first turn of the event loop.
    var greeting: [UInt8] = []
    /// The bytes that the executor sends on each connection in the second turn, when requests have arrived.
    var answer: [UInt8] = []
    /// Whether the executor closes each connection one turn of the event loop after it has sent `answer`.
    var closesSoon = false
    /// Whether the executor marks each response with its stream: a header field names the stream, and the body repeats
    /// one letter that belongs to the stream.
    ///
    /// A check can then see whether an attempt got the response of another stream.
    var isTelling = false

    static let attemptsMax = 10
    /// The flow control window of a stream, in bytes.
    static let windowBytes = 64 << 10
    /// How far a response may exceed the flow control window, in bytes.
    ///
    /// nghttp2 still delivers the frame that exceeds the window, and then the edge resets the stream.
    static let windowExcessMax = 16_384
    /// The limit of event loop turns until everything has ended; attempts may open many connections one after the
    /// other.
    static let roundsMax = 100
    /// The most connections to the executor that the edge may open for each attempt.
    ///
    /// An attempt needs at most six: the first, one after a stale connection, and four after refusals. It may need
    /// twice as many, because another attempt can take the last free stream of a new connection.
    static let connectionsPerAttemptMax = 12

    func reaction(of index: Int) -> FuzzAttempt.Reaction { FuzzAttempt.Reaction(Int(reactions >> (4 * index) & 15)) }
}

/// Something that happens between two of the frames that the executor sends, for example the edge cancels a request or
/// the connection is closed.
struct ExecutorEvent {
    enum Kind: UInt8, CaseIterable {
        case request, cancel, pause, resume, limit, speakOn, shutdown, close, closeIdle
    }

    let kind: Kind
    /// The index of an attempt or of a connection, or an amount, depending on `kind`.
    let number: Int

    init(_ kind: UInt8, _ number: UInt8) {
        self.kind = Kind.allCases[Int(kind) % Kind.allCases.count]
        self.number = Int(number)
    }
}

extension FuzzAttempt.Reaction {
    /// Makes a reaction of four bits from the fuzzer's input: `none` if bit 3 is clear, else the lower three bits are
    /// the index of a case.
    init(_ number: Int) { self = number & 8 == 0 ? .none : Self.allCases[number & 7] }
}
