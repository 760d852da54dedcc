// Tests HPACK bombs from an executor: small header blocks that decode to very large heads. The edge fails their
// requests.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ExecutorBombTests {
    private let whole = Frame.endHeaders | Frame.endStream

    @Test func trailersAreCounted() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        executor.http2().head(1)
        executor.http2().data(1, "x")
        // A field of 4033 bytes, repeated 16 times, has 64,528 bytes. The limit is 64 KiB, so 17 times are too many.
        executor.http2().send(Frame.headers, whole, 1, bomb(16))
        executor.settle()
        #expect(attempts[0].ended == 1 && attempts[0].text == "x")
        executor.http2().head(3)
        executor.http2().send(Frame.headers, whole, 3, bomb(17))
        executor.settle()
        #expect(attempts[1].failure == "violation" && executor.client.connections == 1, "the stream's own fault")
    }

    @Test func aBlockOfAHundredTimesAHeadEndsTheConnection() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        executor.http2().head(1)
        executor.http2().send(Frame.headers, Frame.endStream, 1, bomb(8000))
        executor.settle()
        #expect(attempts.map(\.failure) == ["violation", nil] && executor.client.connections == 1)
        executor.http2().send(Frame.continuation, 0, 1, [UInt8](repeating: 0x80 | 62, count: 12_001))
        executor.settle()
        #expect(attempts.map(\.failure) == ["violation", "violation"] && executor.client.connections == 0)
    }

    @Test func interimHeadsAreCountedTogether() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        for _ in 0..<200 { executor.http2().head(1, status: "103", fields: [("link", "</a>")]) }
        executor.http2().answer(1, "ok")
        executor.settle()
        #expect(attempts[0].text == "ok" && attempts[0].ended == 1)
        for _ in 0..<5 {
            executor.http2().send(Frame.headers, Frame.endHeaders, 3, literal(":status", "103") + bomb(4))
        }
        executor.settle()
        #expect(attempts[1].failure == "violation" && executor.client.connections == 1)
    }

    /// nghttp2 decodes header blocks of a cancelled stream without reporting their fields to the edge.
    ///
    /// The edge must count their bytes all the same.
    @Test func blocksOnStreamsThatWereLeftAreCounted() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        attempts[0].stream?.cancel()
        executor.settle()
        let late = [0x88] + [UInt8](repeating: 0x80 | 19, count: 15_000)
        executor.http2().send(Frame.headers, Frame.endHeaders, 1, late)
        executor.settle()
        #expect(attempts[1].failure == nil)
        executor.http2().send(Frame.headers, Frame.endHeaders, 1, late)
        executor.settle()
        #expect(attempts[1].failure == "violation" && executor.client.connections == 0)
    }

    @Test func smallBlocksOnStreamsThatAreOverAreCounted() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        attempts[0].stream?.cancel()
        executor.settle()
        for _ in 0..<1000 { executor.http2().head(1, status: "103") }
        executor.settle()
        #expect(attempts[1].failure == nil && executor.client.connections == 1)
        executor.http2().head(1, status: "103")
        executor.settle()
        #expect(attempts[1].failure == "violation" && executor.client.connections == 0)
    }

    /// An executor may send many complete heads at once, even if they are together larger than one head may be.
    @Test func manyHeadsInOneReadAreFine() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(60)
        let large = [("x-a", String(repeating: "a", count: 4000)), ("x-b", String(repeating: "b", count: 4000))]
        for index in attempts.indices { executor.http2().head(UInt32(2 * index + 1), fields: large, end: true) }
        executor.settle()
        executor.settle()
        #expect(attempts.allSatisfy { $0.ended == 1 && $0.failures.isEmpty } && executor.client.connections == 1)
    }

    @Test func aPushIsAViolation() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send()
        // The executor has not acknowledged the edge's SETTINGS, so it may not know that push is disabled. Its
        // PUSH_PROMISE (type 5) is a violation all the same.
        executor.http2().send(Frame.settings)
        executor.settle()
        executor.http2().send(5, Frame.endHeaders, 1, big(2) + HTTP2Session.head())
        executor.settle()
        #expect(attempt.failure == "violation" && executor.client.connections == 0)
    }

    @Test func interimHeadsOfHTTP1AreCountedTogether() throws {
        let executor = try ExecutorTest()
        let attempt = executor.send()
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: \(String(repeating: "a", count: 8000))\r\n\r\n"
        for _ in 0..<8 { executor.say(interim) }
        #expect(attempt.failure == nil)
        for _ in 0..<2 { executor.say(interim) }
        #expect(attempt.failure == "violation")
    }
}
