// HTTP/1.1 to one client: requests strictly in order, pipelined ones waiting in a bounded look-ahead.
internal import Transport

/// Confined to the worker of its connection.
final class HTTP1Server: ServerProtocol {
    private enum State {
        case head
        case body(left: Int)
        case chunked
        /// A request that asks for `Upgrade: h2c` is read whole before HTTP/2 begins.
        case upgradeBody(left: Int)
        /// The request is read; its response is under way.
        case responding
        case closing
    }

    /// What may be read ahead of the response under way. Beyond it reading pauses.
    private static let lookAheadMax = 64 << 10
    /// A request with a larger body stays on HTTP/1.1: `Upgrade` may be ignored (RFC 9110 section 7.8).
    private static let upgradeBodyMax = 256 << 10

    private let connection: ServerConnection
    private var state = State.head
    private var parser: HTTP1RequestParser
    private var decoder = ChunkedDecoder()
    /// Bytes received and not yet read: the part of a head, or pipelined requests.
    private var waiting: [UInt8] = []
    private var stream: HTTP1ServerStream?
    /// Responses on their way out, in the order of their requests.
    var output: ByteQueue
    private var upgrading: UpgradedRequest?
    private var isDraining = false
    private var isPaused = false
    private var isReading = false
    private var headDeadlineRuns = false
    private var hasServed = false

    init(connection: ServerConnection) {
        self.connection = connection
        output = ByteQueue(pool: connection.channel.loop.chunks)
        parser = HTTP1RequestParser(limits: HTTP1Limits(
            headBytes: connection.settings.headerBytesMax, fields: connection.settings.headerCountMax))
    }

    var activeStreams: Int { stream == nil ? 0 : 1 }
    var channel: Channel { connection.channel }

    func start() { awaitHead(first: true) }

    private func awaitHead(first: Bool) {
        let settings = connection.settings
        connection.setDeadline(channel.loop.now + (first ? settings.headerTimeout : settings.idleTimeout))
    }

    // MARK: Reading

    func receive(_ bytes: Span<UInt8>) {
        if waiting.isEmpty, !isReading {
            let used = read(bytes)
            if used < bytes.count { keep(bytes.extracting(used..<bytes.count)) }
        } else {
            keep(bytes)
            readWaiting()
        }
    }

    private func keep(_ bytes: Span<UInt8>) {
        if case .closing = state { return }
        for index in bytes.indices { waiting.append(bytes[index]) }
        pauseIfAhead()
    }

    /// Pauses while the look-ahead is full; a client that closes meanwhile is still heard.
    private func pauseIfAhead() {
        guard case .responding = state else { return }
        let isFull = waiting.count >= Self.lookAheadMax
        guard isFull != isPaused else { return }
        isPaused = isFull
        channel.setReading(!isFull, watchingHangup: true)
    }

    private func readWaiting() {
        guard !isReading, !waiting.isEmpty else { return }
        let bytes = waiting
        waiting = []
        let used = read(bytes.span)
        if case .closing = state { return }
        // What came in between stands behind what was left.
        if used < bytes.count { waiting = Array(bytes[used...]) + waiting }
        if isPaused, waiting.count < Self.lookAheadMax {
            isPaused = false
            if !channel.isClosed { channel.setReading(true) }
        }
    }

    /// Reads what it can. - Returns: how many bytes were used; the rest is to be kept.
    private func read(_ bytes: Span<UInt8>) -> Int {
        isReading = true
        defer { isReading = false }
        var used = 0
        while used < bytes.count {
            let rest = bytes.extracting(used..<bytes.count)
            switch state {
            case .head:
                switch parser.parse(rest) {
                case .incomplete:
                    headBegan()
                    return used
                case .failed(let error):
                    if hasServed || Self.looksLikeHTTP(rest) {
                        refuse(status: error.status, message: error.message)
                    } else {
                        connection.close(.violation)
                    }
                    return bytes.count
                case .head(let head, let consumed):
                    used += consumed
                    hasServed = true
                    begin(head)
                    if case .upgradeBody(0) = state {
                        upgrade(rest: bytes.extracting(used..<bytes.count))
                        return bytes.count
                    }
                }
            case .body(let left):
                let step = min(left, rest.count)
                used += step
                state = .body(left: left - step)
                deliver(rest.extracting(0..<step), last: left == step)
            case .chunked:
                guard let step = readChunk(rest) else { return bytes.count }
                used += step
            case .upgradeBody(let left):
                let step = min(left, rest.count)
                used += step
                for index in 0..<step { upgrading?.body.append(rest[index]) }
                state = .upgradeBody(left: left - step)
                if left == step {
                    upgrade(rest: bytes.extracting(used..<bytes.count))
                    return bytes.count
                }
            case .responding: return used
            case .closing: return bytes.count
            }
        }
        return used
    }

    /// A peer that never spoke HTTP (a broken HTTP/2 preface, a port scan) is not told in HTTP what is wrong with it.
    private static func looksLikeHTTP(_ bytes: Span<UInt8>) -> Bool {
        var line: [UInt8] = []
        for index in bytes.indices where line.count < 4096 {
            if bytes[index] == UInt8(ascii: "\r") || bytes[index] == UInt8(ascii: "\n") { break }
            line.append(bytes[index])
        }
        let text = String(decoding: line, as: UTF8.self)
        if text.contains("HTTP/") { return true }
        if case .other = Method(line.prefix { $0 != UInt8(ascii: " ") }) { return false }
        return true
    }

    /// The first bytes of a next request are there: from now on the head has `headerTimeout` to be complete.
    private func headBegan() {
        guard !headDeadlineRuns else { return }
        headDeadlineRuns = true
        connection.clearDeadline()
        connection.setDeadline(channel.loop.now + connection.settings.headerTimeout)
    }

    /// - Returns: how many bytes were used; nil when the request is refused.
    private func readChunk(_ bytes: Span<UInt8>) -> Int? {
        switch decoder.decode(bytes) {
        case .data(let range):
            deliver(bytes.extracting(range), last: false)
            return range.upperBound
        case .needsMore(let consumed): return consumed
        case .end(let consumed):
            deliver(bytes.extracting(0..<0), last: true)
            return consumed
        case .failed(let error):
            failBody(status: error.status, message: error.message)
            return nil
        }
    }

    private func deliver(_ bytes: Span<UInt8>, last: Bool) {
        guard let stream else { return }
        if last {
            state = .responding
            stream.isRequestWhole = true
        }
        if !bytes.isEmpty { stream.handler?.requestBody(bytes) }
        if last, !stream.isClosed { stream.handler?.requestEnded() }
        if last, stream.isFinished { finishedResponse(of: stream) }
    }

    private func begin(_ head: RequestHead) {
        connection.clearDeadline()
        headDeadlineRuns = false
        if wantsUpgrade(head) { return }
        let stream = HTTP1ServerStream(server: self, connection: connection, head: head)
        stream.keepAlive = head.keepAlive && !isDraining
        self.stream = stream
        switch head.body {
        case .none: state = .responding
        case .known(let length): state = length == 0 ? .responding : .body(left: length)
        case .unknown:
            decoder = ChunkedDecoder()
            state = .chunked
        }
        if case .responding = state { stream.isRequestWhole = true }
        let handler = connection.delegate.handler(for: head, on: stream)
        stream.handler = handler
        handler.requestBegan()
        guard self.stream === stream, stream.isRequestWhole else { return }
        stream.handler?.requestEnded()
        if stream.isFinished { finishedResponse(of: stream) }
    }

    // MARK: Upgrade to h2c (RFC 7540 section 3.2; RFC 9113 keeps it for those who have it)

    private func wantsUpgrade(_ head: RequestHead) -> Bool {
        guard connection.settings.upgradesToHTTP2, !connection.isSecure, !isDraining,
            HTTP2SettingsField.isH2CUpgrade(head), let value = head.fields.first(.http2Settings),
            let payload = HTTP2SettingsField.decode(value)
        else { return false }
        let length: Int
        switch head.body {
        case .none: length = 0
        case .known(let bytes) where bytes <= Self.upgradeBodyMax: length = bytes
        default: return false
        }
        upgrading = UpgradedRequest(head: head, body: [], settings: payload)
        state = .upgradeBody(left: length)
        connection.setDeadline(channel.loop.now + connection.settings.headerTimeout)
        if head.expectsContinue, length > 0 { write(HTTP1Writer.continueResponse) }
        return true
    }

    func write(_ bytes: [UInt8]) {
        output.append(bytes)
        channel.mark()
    }

    private func upgrade(rest: Span<UInt8>) {
        guard var request = upgrading else { return }
        upgrading = nil
        state = .closing
        output.append(HTTP1Writer.switchingToH2C)
        while !output.isEmpty {
            _ = unsafe output.consumeFirst { bytes in
                unsafe request.preamble.append(contentsOf: bytes)
                return bytes.count
            }
        }
        connection.upgrade(request, rest: rest)
    }

    // MARK: Refusing

    /// A request that breaks the rules: answered, and the connection closes.
    private func refuse(status: Int, message: String) {
        let stream = HTTP1ServerStream(server: self, connection: connection, head: nil)
        stream.keepAlive = false
        self.stream = stream
        state = .closing
        connection.delegate.refusal(status: status, message: message, on: stream)
    }

    /// The body of a request breaks the rules. If nothing has been said yet the answer says so.
    private func failBody(status: Int, message: String) {
        guard let stream else { return }
        state = .closing
        stream.keepAlive = false
        let handler = stream.handler
        stream.handler = nil
        handler?.clientLeft(.violation)
        if stream.isHeadSent { connection.closeWhenFlushed() } else {
            connection.delegate.refusal(status: status, message: message, on: stream)
        }
    }

    // MARK: Writing

    func flush(into scratch: Scratch) {
        guard !output.isEmpty else { return }
        output.move(upTo: 128 << 10, to: scratch)
        if !output.isEmpty { channel.mark() }
        stream?.lastMoved = channel.loop.now
    }

    func drained() {
        guard let stream, !stream.isFinished else { return }
        stream.lastMoved = channel.loop.now
        stream.handler?.outputMoved()
    }

    /// The response is whole, as far as the stream goes: on to the next request, or the end.
    func finishedResponse(of stream: HTTP1ServerStream) {
        guard self.stream === stream, !stream.isClosed else { return }
        guard stream.keepAlive, stream.isRequestWhole, !isDraining || !waiting.isEmpty else {
            endAfter(stream)
            return
        }
        stream.isClosed = true
        let handler = stream.handler
        stream.handler = nil
        self.stream = nil
        handler?.responseFinished()
        state = .head
        if waiting.isEmpty { awaitHead(first: false) }
        if !waiting.isEmpty, !isReading { readWaiting() }
    }

    private func endAfter(_ stream: HTTP1ServerStream) {
        state = .closing
        stream.isClosed = true
        let handler = stream.handler
        stream.handler = nil
        connection.closeWhenFlushed()
        handler?.responseFinished()
    }

    func abort(_ stream: HTTP1ServerStream) {
        guard self.stream === stream, !stream.isClosed else { return }
        state = .closing
        stream.isClosed = true
        stream.handler = nil
        connection.closeWhenFlushed(abruptly: stream.version == .http10 || stream.endsWithClose)
    }

    // MARK: Ends

    func ended(_ end: ClientEnd) {
        state = .closing
        guard let stream, !stream.isClosed else { return }
        stream.isClosed = true
        let handler = stream.handler
        stream.handler = nil
        handler?.clientLeft(end)
    }

    func drain() {
        isDraining = true
        stream?.keepAlive = false
        if stream == nil { connection.closeWhenFlushed() }
    }

    func deadlinePassed() {
        // A response that is still being taken is no idleness.
        if !output.isEmpty || channel.backlog > 0 {
            awaitHead(first: false)
            return
        }
        guard case .head = state, headDeadlineRuns else {
            if case .upgradeBody = state { refuse(status: 408, message: "the request body did not arrive in time") } else {
                connection.closeWhenFlushed()
            }
            return
        }
        refuse(status: 408, message: "the request head did not arrive in time")
    }
}
