// Tests that the bench finds the tokens and the end of a stream, however its bytes are divided into reads.
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

    /// Events with text but without a time of sending count as tokens.
    ///
    /// Only the simulated executor adds the time.
    @Test(arguments: [
        (#"{"delta":{"content":"a"}}"#, true), (#"{"delta": {"content": "a"}}"#, true),
        (#"{"delta":{"content":null,"reasoning_content":"a"}}"#, true),
        (#"{"delta":{"content":"","reasoning":"a"}}"#, true),
        (#"{"delta":{"role":"assistant","content":""}}"#, false), (#"{"delta":{"content":null}}"#, false),
        (#"{"choices":[],"usage":{"prompt_tokens":3}}"#, false),
    ])
    func textWithoutATimeIsSeen(data: String, hasText: Bool) {
        #expect(scan([Array("data: \(data)\n\n".utf8)]).events == [hasText ? .unstampedToken : .other])
    }

    @Test func aCutEventIsNoEvent() {
        let result = scan([Array("data: {\"emitted_ns\":1}\n".utf8)])
        #expect(result.events.isEmpty)
        #expect(result.isInside)
    }
}
