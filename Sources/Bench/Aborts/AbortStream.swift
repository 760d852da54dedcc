// One stream of `bench aborts`, which the bench resets once the exchange has reached a certain phase.
internal import Transport

/// Gets the reports of all `AbortStream`s of one phase.
protocol AbortStreamOwner: AnyObject {
    /// Called when the client has received the event after which the bench must reset the stream.
    func ripened(_ stream: AbortStream)
    /// Called when the stream has ended before the bench has reset it.
    ///
    /// - Parameter said: how the stream ended, in words for the report.
    func endedBefore(_ stream: AbortStream, said: String)
}

/// One request of `bench aborts`, which the bench cancels when the exchange is in the phase `phase`.
///
/// Used only by the thread of the event loop.
final class AbortStream: ClientStreamHandler {
    let phase: AbortPhase
    let id: String
    let openedAt = Clock.monotonicNow()
    private(set) var stream: ClientStream?
    private(set) var connection: (any ClientConnection)?
    private unowned let owner: any AbortStreamOwner
    private var scanner = TokenScanner()
    private var status = 0
    private var tokens = 0

    init(phase: AbortPhase, id: String, owner: any AbortStreamOwner) {
        self.phase = phase
        self.id = id
        self.owner = owner
    }

    func open(_ request: ClientRequest, on connection: any ClientConnection) {
        let limit = phase == .body ? request.body.count / 2 : Int.max
        let stream = ClientStream(request, bodyLimit: limit, handler: self)
        self.stream = stream
        self.connection = connection
        connection.open(stream)
    }

    /// Whether the exchange has reached its phase, so that the bench may reset the stream now.
    ///
    /// The result is always false in the phase `first`, which has no `ageMin`, because the arrival of an event triggers
    /// the reset there.
    func isRipe(at now: Nanoseconds) -> Bool {
        guard let age = phase.ageMin, let stream else { return false }
        return now >= openedAt + age && stream.bodySent == stream.bodyLimit && tokens >= phase.tokensMin
    }

    func reset() {
        guard let stream else { return }
        connection?.reset(stream)
    }

    func responded(status: Int) { self.status = status }

    func received(_ bytes: Span<UInt8>, at now: Nanoseconds) {
        guard status == 200, stream?.handler != nil else { return }
        let before = tokens
        var counted = tokens
        scanner.feed(bytes) { event in
            if case .token = event { counted += 1 }
        }
        tokens = counted
        if phase.ageMin == nil, before < phase.tokensMin, tokens >= phase.tokensMin { owner.ripened(self) }
    }

    func ended(_ end: StreamEnd) {
        let how =
            switch end {
            case .whole: "the answer ended"
            case .reset(let code): "RST_STREAM with code \(code)"
            case .cut(let reason): reason
            }
        owner.endedBefore(self, said: status == 0 || status == 200 ? how : "status \(status), \(how)")
    }
}
