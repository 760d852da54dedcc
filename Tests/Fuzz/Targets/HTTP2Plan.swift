// What happens on HTTP/2 connections to an executor beside the frames: many attempts, and what every connection begins with.

struct HTTP2Plan {
    /// At once, at the beginning.
    var attempts = 1
    var reactions: UInt64 = 0
    /// What each connection says at once.
    var greeting: [UInt8] = []
    /// And a turn later, when requests are there.
    var answer: [UInt8] = []
    /// Each connection is closed by the executor another turn later.
    var closesSoon = false
    /// Every head says of which stream it is, and its body is made of that stream's letter.
    var isTelling = false

    static let attemptsMax = 10
    /// The window of a stream, in bytes.
    static let windowBytes = 64 << 10
    /// The frame that goes beyond the window is still told, and its stream reset.
    static let windowExcessMax = 16_384
    /// Of the end: each of so many attempts may come back with one connection after the other.
    static let roundsMax = 100
    /// The first, one after a connection that was closed unseen, four after a refusal; and as often another attempt took
    /// the last place of a connection.
    static let connectionsPerAttemptMax = 12

    func reaction(of index: Int) -> FuzzAttempt.Reaction { FuzzAttempt.Reaction(Int(reactions >> (4 * index) & 15)) }
}

/// What the edge, or the network, does between the frames.
struct ExecutorEvent {
    enum Kind: UInt8, CaseIterable {
        case request, cancel, pause, resume, limit, speakOn, shutdown, close, closeIdle
    }

    let kind: Kind
    /// Of an attempt, of a connection, or how much.
    let number: Int

    init(_ kind: UInt8, _ number: UInt8) {
        self.kind = Kind.allCases[Int(kind) % Kind.allCases.count]
        self.number = Int(number)
    }
}

extension FuzzAttempt.Reaction {
    /// None for half of the numbers.
    init(_ number: Int) { self = number & 8 == 0 ? .none : Self.allCases[number & 7] }
}
