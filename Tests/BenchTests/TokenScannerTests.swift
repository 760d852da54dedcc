// Tokens and endings are found wherever the network cuts the bytes.
import Testing
import Transport

@testable import Bench

@Suite struct TokenScannerTests {
    private static let stream =
        "data: {\"id\":\"a_b\",\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"
        + "data: {\"emitted_ns\":123456789,\"choices\":[{\"delta\":{\"content\":\"emitted_ns\"}}]}\n\n"
        + ": a comment\n\n" + "data: {\"choices\":[],\"emitted_ns\": 42}\r\n\r\n" + "data: [DONE]\n\n"
    private static let expected: [TokenScanner.Event] = [.other, .token(123_456_789), .other, .token(42), .done]

    private func scan(_ pieces: [[UInt8]]) -> (events: [TokenScanner.Event], isInside: Bool) {
        var scanner = TokenScanner()
        var events: [TokenScanner.Event] = []
        for piece in pieces { scanner.feed(piece.span) { events.append($0) } }
        return (events, scanner.isInsideEvent)
    }

    @Test func aWholeStreamIsRead() {
        let result = scan([Array(Self.stream.utf8)])
        #expect(result.events == Self.expected)
        #expect(!result.isInside)
    }

    @Test func everyCutIsMended() {
        let bytes = Array(Self.stream.utf8)
        for cut in 1..<bytes.count {
            #expect(scan([Array(bytes[..<cut]), Array(bytes[cut...])]).events == Self.expected, "cut at \(cut)")
        }
        #expect(scan(bytes.map { [$0] }).events == Self.expected)
    }

    @Test(arguments: ["event: error\ndata: {}\n\n", "data: {\"error\":{\"message\":\"x\"}}\n\n"])
    func errorsAreSeen(_ text: String) {
        #expect(scan([Array(text.utf8)]).events == [.error])
    }

    @Test func aCutEventIsNoEvent() {
        let result = scan([Array("data: {\"emitted_ns\":1}\n".utf8)])
        #expect(result.events.isEmpty)
        #expect(result.isInside)
    }
}

@Suite struct ExecutorProbeTests {
    @Test func abortsAreRead() {
        let text =
            "[{\"sequence\":7,\"request_id\":\"bench-1\",\"ns\":99,\"phase\":\"prefill\",\"emitted\":0},"
            + "{\"sequence\":8,\"request_id\":null,\"ns\":100,\"phase\":\"body\",\"emitted\":0}]"
        #expect(
            ExecutorProbe.parse(text) == [
                SeenAbort(sequence: 7, requestID: "bench-1", at: 99, phase: "prefill"),
                SeenAbort(sequence: 8, requestID: "", at: 100, phase: "body"),
            ]
        )
    }
}

@Suite struct TextTests {
    @Test func numbersAreRounded() {
        #expect(Text.fixed(1.2345, digits: 3) == "1.235" || Text.fixed(1.2345, digits: 3) == "1.234")
        #expect(Text.fixed(0.0049, digits: 2) == "0.00")
        #expect(Text.fixed(-0.5, digits: 1) == "-0.5")
        #expect(Text.fixed(12.6, digits: 0) == "13")
    }

    @Test(arguments: [
        ("localhost", "localhost", 443), ("localhost:8443", "localhost", 8443), ("[::1]:80", "::1", 80),
        ("[::1]", "::1", 443),
    ])
    func authoritiesAreSplit(_ authority: String, _ host: String, _ port: Int) throws {
        let parts = try #require(BenchTarget.split(authority, defaultPort: 443))
        #expect(parts.host == host)
        #expect(Int(parts.port) == port)
    }

    @Test(arguments: ["", ":80", "host:port", "host:70000"])
    func badAuthoritiesAreRefused(_ authority: String) {
        #expect(BenchTarget.split(authority, defaultPort: 443) == nil)
    }
}
