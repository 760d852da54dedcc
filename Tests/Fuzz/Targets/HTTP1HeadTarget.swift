// Fuzzes HTTP/1.1 heads and the bodies between them: all bytes of a connection, at once and in pieces.
import HTTP

/// Runs the parsers of requests and of responses.
///
/// How the bytes are cut into reads must not change the result.
///
/// An accepted request must stay the same if our writer writes it and our parser reads it again.
final class HTTP1HeadTarget: FuzzTarget {
    static let name = "http1-head"

    func run(_ input: FuzzInput, _ findings: Findings) {
        var input = input
        let form = input.choice()
        let cuts = Cuts(input.choice())
        let bytes = input.rest
        let isTight = form & 1 != 0
        if form & 2 != 0 {
            let limits = isTight ? HTTP1Limits(headBytes: 256, fields: 6) : .response
            let read = { ResponseStory(bytes, cuts: $0, limits: limits, toHEAD: form & 4 != 0, findings) }
            let whole = read(.none)
            findings.expect(whole == read(.everywhere), "byte by byte \(shown(bytes))")
            findings.expect(whole == read(cuts), "cut \(shown(bytes))")
        } else {
            let limits = isTight ? HTTP1Limits(headBytes: 256, targetBytes: 40, fields: 6) : .request
            let read = { RequestStory(bytes, cuts: $0, limits: limits, findings) }
            let whole = read(.none)
            findings.expect(whole == read(.everywhere), "byte by byte \(shown(bytes))")
            findings.expect(whole == read(cuts), "cut \(shown(bytes))")
        }
    }
}

/// The requests that were read from a connection.
private struct RequestStory: Equatable {
    var heads: [[UInt8]] = []
    var bodies: [[UInt8]] = []
    var error: HTTP1Error?
    /// How many bytes at the end form no complete head.
    var rest = 0

    init(_ bytes: [UInt8], cuts: Cuts, limits: HTTP1Limits, _ findings: Findings) {
        var cuts = cuts
        var parser = HTTP1RequestParser(limits: limits)
        var start = 0
        var end = 0
        while true {
            if end < bytes.count { end += cuts.next(of: bytes.count - end) }
            readAll: while start < end {
                switch parser.parse(bytes.span.extracting(start..<end)) {
                case .incomplete: break readAll
                case .failed(let error):
                    self.error = error
                    return
                case .head(let head, let consumed):
                    let text = bytes[start..<min(bytes.count, start + consumed)]
                    check(head, text, consumed: consumed, given: end - start, limits, findings)
                    start += consumed
                    guard readBody(of: head, bytes, &start, &end, &cuts) else { return }
                }
            }
            if end == bytes.count { break }
        }
        rest = bytes.count - start
    }

    private mutating func check(
        _ head: RequestHead,
        _ text: ArraySlice<UInt8>,
        consumed: Int,
        given: Int,
        _ limits: HTTP1Limits,
        _ findings: Findings
    ) {
        heads.append(flat(head))
        findings.expect(consumed <= given && consumed <= limits.headBytes, "\(consumed) bytes of \(given)")
        findings.expect(text.suffix(4).elementsEqual("\r\n\r\n".utf8), "the head does not end in an empty line")
        findings.expect(head.fields.count <= limits.fields, "\(head.fields.count) fields")
        findings.expect(head.target.count <= limits.targetBytes, "a target of \(head.target.count) bytes")
        guard head.version == .http11 else { return }
        var written: [UInt8] = []
        HTTP1Writer.appendRequest(
            method: head.method,
            target: head.target,
            host: head.authority,
            fields: head.fields,
            body: head.body,
            to: &written
        )
        var parser = HTTP1RequestParser(limits: HTTP1Limits(headBytes: 1 << 20, targetBytes: 1 << 16, fields: 1000))
        guard case .head(let again, let length) = parser.parse(written.span) else {
            findings.expect(false, "what was accepted and written again is refused: \(shown(written))")
            return
        }
        findings.expect(length == written.count, "more than one request was written: \(shown(written))")
        let isSame = again.method == head.method && again.target == head.target && again.authority == head.authority
        findings.expect(isSame && isSameBody(head, again), "another request was written: \(shown(written))")
        findings.expect(passedOn(head.fields) == passedOn(again.fields), "other fields were written: \(shown(written))")
    }

    /// Whether both heads announce the same body; our writer adds `content-length: 0` to a POST without a body.
    private func isSameBody(_ head: RequestHead, _ again: RequestHead) -> Bool {
        head.body == again.body || (head.body == .none && again.body == .known(0))
    }

    /// - Returns: False if nothing more can be read.
    private mutating func readBody(
        of head: RequestHead,
        _ bytes: [UInt8],
        _ start: inout Int,
        _ end: inout Int,
        _ cuts: inout Cuts
    ) -> Bool {
        var body: [UInt8] = []
        defer { bodies.append(body) }
        switch head.body {
        case .none: return true
        case .known(let length):
            let stop = length > bytes.count - start ? bytes.count : start + length
            body = Array(bytes[start..<stop])
            start = stop
            end = max(end, stop)
            return true
        case .unknown:
            var decoder = ChunkedDecoder()
            while true {
                if start == end {
                    guard end < bytes.count else { return false }
                    end += cuts.next(of: bytes.count - end)
                }
                switch decoder.decode(bytes.span.extracting(start..<end)) {
                case .data(let range):
                    body += bytes[start + range.lowerBound..<start + range.upperBound]
                    start += range.upperBound
                case .needsMore(let consumed): start += consumed
                case .end(let consumed):
                    start += consumed
                    return true
                case .failed(let error):
                    self.error = error
                    return false
                }
            }
        }
    }
}

/// The response heads that were read from an executor.
private struct ResponseStory: Equatable {
    var heads: [[UInt8]] = []
    var error: HTTP1Error?
    var rest = 0

    init(_ bytes: [UInt8], cuts: Cuts, limits: HTTP1Limits, toHEAD: Bool, _ findings: Findings) {
        var cuts = cuts
        var parser = HTTP1ResponseParser(limits: limits)
        var start = 0
        var end = 0
        while true {
            if end < bytes.count { end += cuts.next(of: bytes.count - end) }
            readAll: while start < end {
                switch parser.parse(bytes.span.extracting(start..<end), toHEAD: toHEAD) {
                case .incomplete: break readAll
                case .failed(let error):
                    self.error = error
                    return
                case .head(let head, let body, let keepAlive, let consumed):
                    findings.expect(consumed <= end - start && consumed <= limits.headBytes, "\(consumed) bytes")
                    findings.expect((100...999).contains(head.status), "status \(head.status)")
                    findings.expect(head.fields.count <= limits.fields, "\(head.fields.count) fields")
                    let isBodiless = head.status < 200 || head.status == 204 || head.status == 304 || toHEAD
                    findings.expect(!isBodiless || body == .none, "a body on \(head.status)")
                    let text = "\(head.status) \(body) \(keepAlive) "
                    heads.append(Array(text.utf8) + flat(head.fields))
                    start += consumed
                }
            }
            if end == bytes.count { break }
        }
        rest = bytes.count - start
    }
}

/// The fields as bytes, for comparisons.
func flat(_ fields: FieldBlock) -> [UInt8] {
    var bytes: [UInt8] = []
    for index in 0..<fields.count {
        bytes += fields.name(index) + [0x3A] + fields.value(index) + [0x0A]
    }
    return bytes
}

func flat(_ head: RequestHead) -> [UInt8] {
    let text = " \(head.version) \(head.body) \(head.keepAlive) \(head.expectsContinue) "
    return Array(head.method.text.utf8) + [0x20] + head.target + [0x20] + head.authority + Array(text.utf8)
        + flat(head.fields)
}

/// The fields that our writer copies from a received head: all but those that it writes itself or that are only for one
/// connection.
private func passedOn(_ fields: FieldBlock) -> [UInt8] {
    var kept = FieldBlock()
    for index in 0..<fields.count {
        let name = fields.known(index)
        guard name != .host, name != .contentLength, !isHopByHop(name) else { continue }
        kept.append(name: fields.name(index).span, value: fields.value(index).span)
    }
    return flat(kept)
}
