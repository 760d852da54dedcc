// Random mutations of valid input: nothing crashes, and the size of the reads does not change the result.

import HTTP
import LoopTesting
import Testing

@Suite("HTTP1 under random input") struct HTTP1FuzzTests {
    private static let alphabet = Array("\r\n\r\n\r\n\0\t  ::;;,=\"\\0123456789abcfxHTP/.*#%@[]-_\u{7f}\u{e9}".utf8)

    private func mutated(_ seed: String, with random: inout SplitMix) -> [UInt8] {
        var bytes = Array(seed.utf8)
        for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &random)
            let byte = Self.alphabet.randomElement(using: &random)!
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[index] = byte
            case 1: bytes.insert(byte, at: index)
            case 2: bytes.remove(at: index)
            case 3: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random) / 4)
            default:
                let end = min(bytes.count, index + Int.random(in: 1...20, using: &random))
                bytes.insert(contentsOf: bytes[index..<end], at: index)
            }
        }
        return bytes
    }

    @Test("a request gives the same result however it is cut", arguments: 0..<4)
    func requests(seed: Int) {
        let seeds = [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "\r\nPOST /v1/chat?a=b HTTP/1.1\r\nHost: a:80\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789",
            "POST http://a/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n5\r\nhello",
            "OPTIONS * HTTP/1.0\r\nX: \t y \r\nConnection: keep-alive\r\n\r\n",
        ]
        var random = SplitMix(state: UInt64(seed))
        let limits = HTTP1Limits(headBytes: 120, targetBytes: 20, fields: 4)
        for _ in 0..<3000 {
            let bytes = mutated(seeds[seed], with: &random)
            let tight = Bool.random(using: &random)
            _ = parseRequest(bytes, limits: tight ? limits : .request)
        }
    }

    @Test("an accepted request is one that the writer could have written") func acceptedIsClean() {
        var random = SplitMix(state: 99)
        var accepted = 0
        for _ in 0..<5000 {
            let bytes = mutated("GET /a HTTP/1.1\r\nHost: a\r\nX-A: b\r\n\r\n", with: &random)
            var parser = HTTP1RequestParser()
            guard case .head(let head, let consumed) = parser.parse(bytes.span) else { continue }
            accepted += 1
            #expect(bytes[..<consumed].suffix(4).elementsEqual([13, 10, 13, 10]))
            var output: [UInt8] = []
            HTTP1Writer.appendRequest(
                method: head.method,
                target: head.target,
                host: head.authority,
                fields: head.fields,
                body: head.body,
                to: &output
            )
            guard head.version == .http11 else { continue }
            guard case .head(let again, _) = parser.parse(output.span) else {
                Issue.record("\(String(decoding: output, as: UTF8.self))")
                continue
            }
            #expect(again.target == head.target && again.authority == head.authority && again.method == head.method)
        }
        #expect(accepted > 500)
    }

    @Test("a response gives the same result however it is cut") func responses() {
        var random = SplitMix(state: 7)
        let seed = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\nX: y\r\n\r\n0123456789"
        for _ in 0..<5000 {
            let bytes = mutated(seed, with: &random)
            var parser = HTTP1ResponseParser()
            let whole = HTTP1ResponseParserTests.Outcome(parser.parse(bytes.span))
            var slow = HTTP1ResponseParser()
            var end = 0
            var cut = HTTP1ResponseParserTests.Outcome.incomplete
            while cut == .incomplete, end < bytes.count {
                end = min(bytes.count, end + Int.random(in: 1...30, using: &random))
                cut = HTTP1ResponseParserTests.Outcome(slow.parse(bytes.span.extracting(0..<end)))
            }
            #expect(whole == cut)
        }
    }

    @Test("a chunked body gives the same result however it is cut", arguments: 0..<3)
    func chunked(seed: Int) {
        let seeds = [
            "5\r\nhello\r\n0\r\n\r\n", "a;b=c\r\n0123456789\r\n1;d=\"e\\\"f\"\r\nx\r\n0\r\nX: y\r\nZ: w\r\n\r\nGET /",
            "10\r\n0123456789abcdef\r\n00\r\n\r\n",
        ]
        var random = SplitMix(state: UInt64(seed) + 1000)
        for _ in 0..<5000 {
            let bytes = mutated(seeds[seed], with: &random)
            let whole = decode(bytes) { _ in bytes.count }
            #expect(whole == decode(bytes) { _ in 1 })
            let cuts = (0..<64).map { _ in Int.random(in: 1...12, using: &random) }
            #expect(whole == decode(bytes) { cuts[$0 % cuts.count] })
        }
    }

    @Test("random bytes crash nothing") func noise() {
        var random = SplitMix(state: 3)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                Bool.random(using: &random)
                    ? Self.alphabet.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
            }
            _ = parseRequest(bytes)
            _ = decode(bytes) { _ in 3 }
            var parser = HTTP1ResponseParser()
            _ = parser.parse(bytes.span)
            _ = HTTP2Preface.detect(bytes.span)
            _ = HTTP2SettingsField.decode(bytes)
        }
    }
}
