// One stream of `bench streams` or `bench trace`: measures when its tokens arrive, and reports how the stream ended.
internal import Transport

/// Receives the reports of all `BenchStream`s of a run.
protocol BenchStreamOwner: AnyObject {
    /// The first token of a stream has arrived.
    ///
    /// - Parameter after: the time since the stream was made, just before its request was sent.
    func firstToken(after: Nanoseconds)
    /// A token has arrived that contains the time at which the executor sent it.
    ///
    /// - Parameters:
    ///   - latency: the time since the executor sent the token.
    ///   - gap: the time since the previous such token of the same stream; nil for the first one.
    func token(latency: Nanoseconds, gap: Nanoseconds?)
    /// A stream has ended.
    ///
    /// - Parameters:
    ///   - breakage: why the stream failed; nil if it was complete.
    ///   - said: a description of the failure, such as what the response said; not used if `breakage` is nil.
    func ended(_ stream: BenchStream, breakage: StreamsReport.Breakage?, said: String)
}

/// Handles the response of one stream: measures its tokens, and reports its end.
///
/// Confined to the thread of the event loop.
final class BenchStream: ClientStreamHandler {
    let connection: Int
    private unowned let owner: any BenchStreamOwner
    /// When the stream was made, just before its request was sent.
    let startedAt: Nanoseconds
    private var scanner = TokenScanner()
    private var lastToken: Nanoseconds = 0
    private var hasBegun = false
    /// The status of the response; 0 until its head has arrived.
    private(set) var status = 0
    private var isDone = false
    private var hasError = false
    /// Up to 200 bytes for the report: the first bytes of the body if the status is not 200, or the last of the bytes
    /// with which an error event arrived.
    private var said: [UInt8] = []

    init(connection: Int, owner: any BenchStreamOwner) {
        self.connection = connection
        self.owner = owner
        startedAt = Clock.monotonicNow()
    }

    /// Whether a token has arrived that contains the time at which the executor sent it.
    var isRunning: Bool { lastToken > 0 }

    func responded(status: Int) { self.status = status }

    func received(_ bytes: Span<UInt8>, at now: Nanoseconds) {
        guard status == 200 else {
            keep(bytes)
            return
        }
        // Two swaps move the scanner into a local variable and back, because an assignment would copy the scanner's
        // buffer.
        var scanner = TokenScanner()
        swap(&scanner, &self.scanner)
        scanner.feed(bytes) { event in
            switch event {
            case .token(let emitted): self.token(emitted, at: now)
            case .unstampedToken: self.begin(at: now)
            case .done: self.isDone = true
            case .error:
                self.hasError = true
                // At most `[DONE]` follows an error event, so the last 200 of the bytes that have just arrived contain
                // the error or at least its end.
                self.keep(bytes.extracting(max(0, bytes.count - 200)..<bytes.count))
            case .other: break
            }
        }
        swap(&scanner, &self.scanner)
    }

    private func begin(at now: Nanoseconds) {
        guard !hasBegun else { return }
        hasBegun = true
        owner.firstToken(after: now - startedAt)
    }

    private func token(_ emitted: Nanoseconds, at now: Nanoseconds) {
        begin(at: now)
        owner.token(latency: now > emitted ? now - emitted : 0, gap: lastToken == 0 ? nil : now - lastToken)
        lastToken = now
    }

    private func keep(_ bytes: Span<UInt8>) {
        for index in bytes.indices where said.count < 200 { said.append(bytes[index]) }
    }

    func ended(_ end: StreamEnd) {
        let text = String(decoding: said, as: UTF8.self)
        switch end {
        case _ where status != 0 && status != 200: owner.ended(self, breakage: .refused, said: "\(status) \(text)")
        case _ where hasError: owner.ended(self, breakage: .errorEvent, said: text)
        case .reset(let code): owner.ended(self, breakage: .reset, said: "RST_STREAM with code \(code)")
        case .cut(let reason): owner.ended(self, breakage: .cut, said: reason)
        case .whole:
            owner.ended(self, breakage: isDone ? nil : .unfinished, said: "the stream ended without [DONE]")
        }
    }
}
