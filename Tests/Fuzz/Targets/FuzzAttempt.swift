// The handler of one request to an executor: checks every call that it gets, and reacts to some of them.
import HTTP
import Transport

final class FuzzAttempt: ExecutorStreamHandler {
    /// What the handler does while the stream calls it, as the server's own handlers may do.
    enum Reaction: UInt8, CaseIterable {
        case none, cancelAtHead, cancelAtBody, pauseAtHead, pauseAtBody, limitAtHead, againAtEnd, cancelAndAgain
    }

    /// The state that all attempts of a scenario share.
    final class Shared {
        let findings: Findings
        /// Whether the test is inside a call to a stream; the stream must not call any handler before this call
        /// returns.
        var isCalling = false
        /// Whether pauses and limits of reading are ignored, so that a run without them can be compared with one with
        /// them.
        var ignoresPauses = false
        /// The most bytes that may arrive while reading is paused; nil if only the kernel's buffer limits them.
        var windowBytes: Int?
        /// Whether the test's executor marks each response, so that a response to a wrong request is detected.
        ///
        /// The head names the stream, and the body repeats one letter that belongs to the stream.
        var isTelling = false
        var again: () -> Void = {}

        init(_ findings: Findings) { self.findings = findings }
    }

    private(set) var stream: (any ExecutorStream)?
    private weak var watched: (any ExecutorStream)?
    private let shared: Shared
    private var findings: Findings { shared.findings }
    private let isHEAD: Bool
    private let reaction: Reaction
    private var isCancelled = false
    private var wasSent = false
    private var framing: ResponseBody?
    private var head: [UInt8] = []
    private var body: [UInt8] = []
    private var letter: UInt8?
    private var received = 0
    private var isPaused = false
    private var receivedInPause = 0
    private var ended = 0
    private var failure: String?

    private static let keptMax = 1 << 16

    init(isHEAD: Bool, _ shared: Shared, reaction: Reaction = .none) {
        self.isHEAD = isHEAD
        self.shared = shared
        self.reaction = reaction
    }

    func began(_ stream: any ExecutorStream) {
        self.stream = stream
        watched = stream
    }

    var isOver: Bool { isCancelled || ended > 0 || failure != nil }
    var isStreamGone: Bool { watched == nil }

    /// The recorded response as bytes, by which the responses of two runs are compared.
    var story: [UInt8] {
        head + Array(" \(received) \(ended) \(isCancelled) \(failure ?? "-") ".utf8) + body
    }

    // MARK: Calls to the stream

    private func call(_ body: (any ExecutorStream) -> Void) {
        guard !isOver, let stream else { return }
        shared.isCalling = true
        body(stream)
        shared.isCalling = false
    }

    func setReading(_ reading: Bool) {
        guard !shared.ignoresPauses else { return }
        // Reading can be paused only after the head has arrived.
        isPaused = !reading && framing != nil
        if reading { receivedInPause = 0 }
        call { $0.setReading(reading) }
    }

    func setReadLimit(_ bytes: Int) {
        guard !shared.ignoresPauses else { return }
        call { $0.setReadLimit(bytes) }
    }

    func cancel() {
        call {
            isCancelled = true
            $0.cancel()
        }
    }

    func letGo() { stream = nil }

    // MARK: ExecutorStreamHandler

    private func called(_ what: StaticString) {
        findings.expect(!isOver, "\(what) after the end")
        findings.expect(!shared.isCalling, "\(what) inside a call to a stream")
    }

    func requestSent() {
        called("requestSent")
        findings.expect(!wasSent, "requestSent twice")
        wasSent = true
    }

    func responseHead(_ head: ResponseHead, body: ResponseBody) {
        called("responseHead")
        findings.expect(framing == nil, "two heads")
        findings.expect((200...999).contains(head.status), "status \(head.status)")
        let isBodiless = head.status == 204 || head.status == 304 || isHEAD
        findings.expect(!isBodiless || body == .none, "\(body) on \(head.status)")
        framing = body
        self.head = Array("\(head.status) \(body) ".utf8) + flat(head.fields)
        if shared.isTelling {
            let number = head.fields.string(named: "x-stream").flatMap { UInt8($0) }
            findings.expect(number != nil, "a head of no stream: \(shown(self.head))")
            letter = number.map { 0x30 + $0 }
        }
        switch reaction {
        case .cancelAtHead: cancel()
        case .pauseAtHead: setReading(false)
        case .limitAtHead: setReadLimit(5000)
        case .cancelAndAgain:
            cancel()
            shared.again()
        default: break
        }
    }

    func responseBody(_ bytes: Span<UInt8>) {
        called("responseBody")
        findings.expect(framing != nil && framing != ResponseBody.none, "a body out of its order")
        findings.expect(!bytes.isEmpty, "a body of nothing")
        received += bytes.count
        if case .known(let length) = framing {
            findings.expect(received <= length, "\(received) bytes of a body of \(length)")
        }
        if isPaused {
            receivedInPause += bytes.count
            let most = shared.windowBytes ?? .max
            findings.expect(receivedInPause <= most, "\(receivedInPause) bytes while paused, of at most \(most)")
        }
        if let letter {
            for index in bytes.indices where bytes[index] != letter {
                findings.expect(false, "a body of stream \(Int(bytes[index]) - 0x30) for \(shown(head))")
                break
            }
        }
        for index in bytes.indices where body.count < Self.keptMax { body.append(bytes[index]) }
        switch reaction {
        case .cancelAtBody: cancel()
        case .pauseAtBody: setReading(false)
        default: break
        }
    }

    func responseEnded() {
        called("responseEnded")
        findings.expect(framing != nil, "an end without a head")
        if case .known(let length) = framing { findings.expect(received == length, "an end after \(received) bytes") }
        ended += 1
        if reaction == .againAtEnd { shared.again() }
    }

    func attemptFailed(_ failure: ExecutorFailure) {
        called("attemptFailed")
        // Only the kind of the failure is recorded: how many bytes arrived before it may differ between runs, because a
        // reset may overtake bytes.
        self.failure = String(describing: failure)
        if reaction == .againAtEnd { shared.again() }
    }

    func check() {
        findings.expect(isOver, "neither an end nor a failure")
        findings.expect(ended <= 1, "\(ended) ends")
    }
}
