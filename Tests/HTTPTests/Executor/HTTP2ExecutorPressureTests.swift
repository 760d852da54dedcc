// Tests HTTP/2 connections to executors in difficult cases: full windows, large bodies, cancelled requests, silent
// executors and hostile heads. No object may be left at the end.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct HTTP2ExecutorPressureTests {
    @Test func cancellingResetsItsStreamInTheSameTurn() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        attempts[0].stream?.cancel()
        executor.test.loop.turn(waitMax: 0)
        executor.peers[0].poll()
        #expect(executor.http2().resets(of: 1) == [8])
        executor.http2().answer(1, "late")
        executor.http2().answer(3, "ok")
        executor.settle()
        #expect(attempts[0].text.isEmpty && !attempts[0].isOver && attempts[1].text == "ok")
        #expect(executor.client.connections == 1)
    }

    @Test func cancellingInsideAnAnswerEndsIt() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        attempts[0].onBody = { [weak attempt = attempts[0]] in attempt?.stream?.cancel() }
        executor.http2().head(1)
        executor.http2().data(1, "a")
        executor.http2().data(1, "b", end: true)
        executor.http2().answer(3, "ok")
        executor.settle()
        #expect(attempts[0].text == "a" && !attempts[0].isOver && attempts[1].text == "ok")
    }

    @Test func whoeverWaitsForAConnectionMayLeave() throws {
        let executor = try ExecutorTest.http2()
        let request = ExecutorRequest(method: .get, target: [47], host: [120], fields: FieldBlock(), body: nil)
        let first = Attempt()
        executor.client.send(request, handler: first).cancel()
        #expect(executor.client.connections == 0)
        let second = executor.send()
        second.stream?.cancel()
        executor.http2(executor.peers.count - 1).greet()
        executor.settle()
        #expect(executor.http2(executor.peers.count - 1).requests.isEmpty && first.calls + second.calls == 0)
    }

    @Test func aPausedStreamHoldsItsOwnWindowOnly() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        executor.http2().head(1)
        executor.http2().head(3)
        executor.settle()
        attempts[0].stream?.setReading(false)
        // The edge does not read one stream, so 60 KiB of its window of 64 KiB are used. The executor must still get
        // window updates for the other stream.
        let block = String(repeating: "x", count: 10 << 10)
        for _ in 0..<6 { executor.http2().data(1, block) }
        for _ in 0..<90 {
            for _ in 0..<6 { executor.http2().data(3, block) }
            executor.settle()
        }
        #expect(executor.http2().frames(of: 1, Frame.windowUpdate).isEmpty)
        #expect(!executor.http2().frames(of: 3, Frame.windowUpdate).isEmpty)
        #expect(!executor.http2().frames(of: 0, Frame.windowUpdate).dropFirst().isEmpty)
        #expect(attempts[1].body.count == 90 * 60 << 10)
        attempts[0].stream?.setReading(true)
        executor.settle()
        let given = executor.http2().frames(of: 1, Frame.windowUpdate).reduce(0) { $0 + Int($1.word) }
        #expect(given == 60 << 10 && attempts[0].body.count == 60 << 10)
    }

    @Test func aWindowMayBeMadeSmaller() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.sendAll(1)[0]
        executor.http2().head(1)
        executor.settle()
        attempt.stream?.setReadLimit(16 << 10)
        for _ in 0..<4 {
            executor.http2().data(1, String(repeating: "x", count: 16 << 10))
            executor.settle()
        }
        let given = executor.http2().frames(of: 1, Frame.windowUpdate).reduce(0) { $0 + Int($1.word) }
        #expect(given == 16 << 10, "of 64 KiB that came, the window shrinks by 48")
    }

    @Test func aLargeRequestIsSentAsTheWindowOpens() throws {
        let executor = try ExecutorTest.http2()
        let body = (0..<4 << 20).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 9) }
        let attempt = executor.send(body: body)
        executor.http2().greet()
        executor.settle()
        #expect(executor.http2().body(of: 1).count == 65_535 && attempt.sent == 0)
        executor.http2().send(Frame.windowUpdate, 0, 1, big(1 << 30))
        executor.http2().send(Frame.windowUpdate, 0, 0, big(1 << 30))
        executor.run { attempt.sent == 1 }
        executor.settle()
        #expect(executor.http2().body(of: 1) == body)
        executor.http2().answer(1, "ok")
        executor.settle()
        #expect(attempt.text == "ok" && attempt.ended == 1)
    }

    @Test func anAnswerBeforeTheWholeRequestCounts() throws {
        let executor = try ExecutorTest.http2()
        let attempt = executor.send(body: [UInt8](repeating: 65, count: 1 << 20))
        executor.http2().greet()
        executor.settle()
        executor.http2().head(1, status: "413")
        executor.http2().data(1, "big", end: true)
        executor.settle()
        #expect(attempt.heads.map(\.status) == [413] && attempt.text == "big" && attempt.ended == 1)
        #expect(executor.http2().resets(of: 1) == [0] && executor.client.connections == 1)
    }

    @Test func anEndlessHeadIsRefused() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        // An HPACK bomb: one large field enters the dynamic table, then each byte repeats it.
        let field: [UInt8] = [0x40, 1, 97, 127, 0x81, 0x0E] + [UInt8](repeating: 98, count: 2048)
        let block = literal(":status", "200") + field + [UInt8](repeating: 0xBE, count: 4000)
        executor.http2().send(Frame.headers, Frame.endHeaders, 1, block)
        executor.http2().answer(3, "ok")
        executor.settle()
        #expect(attempts[0].failure == "violation" && attempts[0].heads.isEmpty && attempts[1].text == "ok")
    }

    @Test func garbageAfterTheGreetingIsAViolation() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        executor.http2().data(0, "a frame of data on no stream")
        executor.settle()
        #expect(attempts.allSatisfy { $0.isOver && $0.failures.count == 1 } && executor.client.connections == 0)
    }

    @Test func aConnectionThatFallsSilentIsAskedAndThenGivenUp() throws {
        let executor = try ExecutorTest.http2()
        let attempts = executor.sendAll(2)
        executor.test.pass(11 * second)
        executor.settle()
        #expect(executor.http2().frames(of: 0, Frame.ping).count == 1 && !attempts[0].isOver)
        executor.http2().send(Frame.ping, Frame.acknowledge, 0, [UInt8](repeating: 0, count: 8))
        executor.settle()
        executor.test.pass(15 * second)
        executor.settle()
        #expect(!attempts[0].isOver, "it has answered")
        executor.test.pass(25 * second)
        executor.settle()
        executor.test.pass(25 * second)
        executor.settle()
        #expect(attempts.allSatisfy { $0.failure == "closedBeforeHead" } && executor.client.connections == 0)
    }

    @Test func aDeadConnectionIsFoundAlthoughRequestsCome() throws {
        let executor = try ExecutorTest.http2()
        var attempts = executor.sendAll(1)
        for _ in 0..<16 {
            executor.test.pass(2 * second)
            attempts.append(executor.send())
        }
        #expect(executor.http2().frames(of: 0, Frame.ping).count == 1)
        #expect(attempts[0].failure == "closedBeforeHead" && executor.peers[0].end != nil)
    }

    @Test func everythingIsFreed() throws {
        weak var client: ExecutorClient?
        weak var stream: (any ExecutorStream)?
        weak var attempt: Attempt?
        do {
            let executor = try ExecutorTest.http2()
            client = executor.client
            let attempts = executor.sendAll(4)
            attempt = attempts[2]
            stream = attempts[2].stream
            executor.http2().answer(1, "ok")
            executor.http2().reset(3, 2)
            attempts[2].stream?.cancel()
            executor.settle()
            executor.forget()
            executor.client.closeIdle()
            #expect(executor.client.connections == 1, "one answer is owed")
            executor.http2().answer(7, "ok")
            executor.settle()
            #expect(executor.client.connections == 0)
            #expect(executor.test.loop.timers.active == 0 && executor.test.loop.chunks.bytesInUse == 0)
        }
        #expect(client == nil && stream == nil && attempt == nil)
    }
}
