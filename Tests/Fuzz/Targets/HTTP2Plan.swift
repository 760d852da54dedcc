// What happens on the HTTP/2 connections to an executor besides the fuzzer's frames.

struct HTTP2Plan {
    /// How many attempts are started at the beginning, all at once.
    var attempts = 1
    var reactions: UInt64 = 0
    /// The bytes that each connection sends in its first turn.
    var greeting: [UInt8] = []
    /// The bytes that each connection sends one turn later, when requests have arrived.
    var answer: [UInt8] = []
    /// Whether the executor closes each connection one turn after `answer`.
    var closesSoon = false
    /// Whether each head names its stream, and each body consists of that stream's letter.
    var isTelling = false

    static let attemptsMax = 10
    /// The window of a stream, in bytes.
    static let windowBytes = 64 << 10
    /// A frame that exceeds the window is still delivered, and then its stream is reset.
    static let windowExcessMax = 16_384
    /// How many rounds the end of a scenario may take, because each attempt may open one connection after the other.
    static let roundsMax = 100
    /// The most connections per attempt.
    ///
    /// An attempt needs at most six: the first, one after a stale connection, and four after refusals. It may need as
    /// many again, because another attempt can take the last stream of a connection.
    static let connectionsPerAttemptMax = 12

    func reaction(of index: Int) -> FuzzAttempt.Reaction { FuzzAttempt.Reaction(Int(reactions >> (4 * index) & 15)) }
}

/// An action of the edge or of the network between the frames.
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
    /// Every number with bit 3 clear gives `none`.
    init(_ number: Int) { self = number & 8 == 0 ? .none : Self.allCases[number & 7] }
}
