// The handler of one request: responds in the way that the path chooses, and checks every call that it gets.
import HTTP
import Transport

final class FuzzExchange: ServerStreamHandler {
    /// How the handler responds; the second byte of the request's target chooses.
    enum Manner: UInt8, CaseIterable {
        /// Sends the request body back once it is complete, and consumes bytes as they arrive.
        case echo
        /// Responds at once, before the request body has arrived.
        case early
        /// Sends one piece in each turn of the loop.
        case stream
        /// Responds at the first bytes of the request body, and consumes none of them.
        case refuse
        /// Sends a part of the response, then aborts it.
        case abort
        /// Sends 300,000 bytes, as fast as the client takes them.
        case big
        /// Never responds, and consumes nothing.
        case silent
        /// Sends 100 and 103 before the response, and consumes the request body late.
        case informational
        /// Responds without a body.
        case empty
        /// Aborts before it has sent anything.
        case abortAtOnce
        /// Announces a longer body than it sends.
        ///
        /// The number 10 stays unused, because stored inputs contain the numbers; it was a response with trailers.
        case short = 11
    }

    private(set) var stream: ServerStream?
    let manner: Manner
    private let head: RequestHead
    private let findings: Findings
    private var body: [UInt8] = []
    private var received = 0
    private var untaken = 0
    private var hasBegun = false
    private var hasEnded = false
    private var hasResponded = false
    private var hasGivenUp = false
    private var ends = 0
    private var pieces = 0
    private var sent = 0
    private var isCalling = false

    private static let bigSize = 300_000
    private static let watermark = 64 << 10
    /// The most body bytes that may arrive unconsumed: the flow-control window of 256 KiB, and one read of 64 KiB more.
    private static let untakenMax = 256 << 10 + 64 << 10

    init(head: RequestHead, stream: ServerStream, _ findings: Findings) {
        self.head = head
        self.stream = stream
        self.findings = findings
        let byte = head.target.count > 1 ? head.target[1] : 0
        manner = Manner(rawValue: byte % (Manner.short.rawValue + 1)) ?? .stream
    }

    /// The largest number of response bytes that this handler may have buffered in the stream.
    ///
    /// It includes 8192 bytes for the sizes of chunks, frame heads and the response head.
    var sendsAtMost: Int {
        guard ends == 0 else { return 0 }
        return (manner == .big ? 2 * Self.watermark : manner == .echo ? Self.echoMax * 2 : 0) + 8192
    }
    private static let echoMax = 100_000

    /// Whether the response depends only on the bytes of the request.
    var isPredictable: Bool { [.echo, .early, .stream, .empty].contains(manner) }

    // MARK: Calls

    /// Checks that the stream calls this handler from the event loop only, and no more after the end of the exchange.
    private func called(_ what: StaticString) {
        findings.expect(!isCalling, "\(what) inside a call to the stream")
        findings.expect(ends == 0, "\(what) after the end")
        findings.expect(!hasGivenUp, "\(what) after the answer was given up")
    }

    private func call(_ body: (ServerStream) -> Void) {
        guard let stream, ends == 0, !hasGivenUp else { return }
        isCalling = true
        body(stream)
        isCalling = false
    }

    func requestBegan() {
        called("requestBegan")
        findings.expect(!hasBegun, "requestBegan twice")
        hasBegun = true
        switch manner {
        case .early: answer("{\"early\":true}")
        case .abortAtOnce: abort()
        case .informational:
            call {
                $0.sendInformational(ResponseHead(status: 100))
                $0.sendInformational(ResponseHead(status: 103))
            }
        default: break
        }
    }

    func requestBody(_ bytes: Span<UInt8>) {
        called("requestBody")
        findings.expect(hasBegun && !hasEnded && !bytes.isEmpty, "a body out of its order")
        received += bytes.count
        untaken += bytes.count
        findings.expect(untaken <= Self.untakenMax, "\(untaken) bytes of a body that nobody takes")
        if case .known(let length) = head.body {
            findings.expect(received <= length, "\(received) bytes of a body of \(length)")
        }
        findings.expect(head.body != .none || stream?.version == .http2, "a body that was not announced")
        if manner == .echo, body.count < Self.echoMax { for index in bytes.indices { body.append(bytes[index]) } }
        switch manner {
        case .silent, .informational: break
        case .refuse: if !hasResponded { answer("too much", status: 413) }
        default:
            untaken -= bytes.count
            call { $0.consumed(bytes.count) }
        }
    }

    func requestEnded() {
        called("requestEnded")
        findings.expect(hasBegun && !hasEnded, "an end out of its order")
        hasEnded = true
        if case .known(let length) = head.body {
            findings.expect(received == length, "\(received) bytes of \(length), and an end")
        }
        switch manner {
        case .echo: answer(body)
        case .refuse: if !hasResponded { answer("no", status: 400) }
        case .stream, .big, .abort: respond()
        case .informational:
            call { $0.consumed(untaken) }
            answer("late")
        case .empty:
            hasResponded = true
            call { $0.respond(ResponseHead(status: 204), end: true) }
        case .short:
            hasResponded = true
            respond(length: 100)
            // A body that is shorter than announced must break the response. With HTTP/1.1, the stream does this itself
            // in `finish`; with HTTP/2, and for HEAD requests, the handler aborts the response.
            hasGivenUp = stream?.version != .http2 && head.method != .head
            let wasGivenUp = hasGivenUp
            hasGivenUp = false
            call {
                $0.send(Array("short".utf8).span)
                if wasGivenUp { $0.finish() } else { $0.abort() }
            }
            hasGivenUp = true
        case .early, .silent, .abortAtOnce: break
        }
    }

    func requestBroke(status: Int, message: String) -> Bool {
        called("requestBroke")
        findings.expect((400..<600).contains(status) && !message.isEmpty, "broke with \(status)")
        guard manner == .stream, !hasResponded else { return false }
        answer(message, status: status)
        return true
    }

    func clientLeft(_ end: ClientEnd) {
        called("clientLeft")
        ends += 1
    }

    func outputMoved() {
        called("outputMoved")
        if manner == .big { fill() }
    }

    func responseFinished() {
        called("responseFinished")
        findings.expect(hasResponded, "finished without an answer")
        ends += 1
    }

    // MARK: Responses

    private func respond(_ status: Int = 200, length: Int? = nil) {
        hasResponded = true
        var fields = FieldBlock()
        if let length { fields.append(.contentLength, String(length)) }
        call { $0.respond(ResponseHead(status: status, fields: fields), end: false) }
    }

    private func answer(_ text: String, status: Int = 200) { answer(Array(text.utf8), status: status) }
    private func answer(_ bytes: [UInt8], status: Int = 200) {
        respond(status, length: bytes.count)
        call { $0.send(bytes.span) }
        call { $0.finish() }
    }

    private func abort() {
        call { $0.abort() }
        hasGivenUp = true
    }

    private func fill() {
        call { stream in
            while sent < Self.bigSize, stream.buffered < Self.watermark {
                stream.send([UInt8](repeating: 0x62, count: 10_000).span)
                sent += 10_000
            }
            if sent >= Self.bigSize, !stream.isFinished { stream.finish() }
        }
    }

    /// Sends the next piece; called once in each turn of the loop.
    func tick() {
        guard ends == 0, !hasGivenUp, hasResponded, hasEnded else { return }
        switch manner {
        case .big: fill()
        case .stream:
            guard stream?.isFinished == false else { return }
            pieces += 1
            call { $0.send(Array("data: {\"piece\":\(pieces)}\n\n".utf8).span) }
            guard pieces == 4 else { return }
            call { $0.finish() }
        case .abort:
            pieces += 1
            if pieces <= 2 { call { $0.send(Array("data: part\n\n".utf8).span) } } else { abort() }
        default: break
        }
    }

    // MARK: The end

    func letGo() { stream = nil }

    func check(_ findings: Findings) {
        if hasGivenUp {
            findings.expect(ends == 0, "\(ends) ends of an answer that was given up")
        } else {
            // If the stream ended while its handler was created, this end is the handler's only call.
            findings.expect(ends == 1, "\(ends) ends of \(manner) to \(shown(flat(head)))")
        }
    }
}
