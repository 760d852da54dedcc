// Attempts that are cancelled, paused, or larger than a socket buffer; none leaves memory or timers behind.
import HTTP
import LoopTesting
import Testing
import Transport

@Suite struct ExecutorPressureTests {
    private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

    @Test func cancellingClosesAtOnceAndNothingFollows() throws {
        let executor = try ExecutorTest()
        let connecting = Attempt()
        let request = ExecutorRequest(method: .get, target: [], host: [], fields: FieldBlock(), body: nil)
        executor.client.send(request, handler: connecting).cancel()
        let waiting = executor.send()
        waiting.stream?.cancel()
        let streaming = executor.send()
        streaming.onBody = { [weak streaming] in streaming?.stream?.cancel() }
        executor.say("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n")
        executor.settle()
        #expect(connecting.calls == 0 && waiting.calls == 1 && waiting.sent == 1)
        #expect(streaming.text == "ab" && !streaming.isOver && executor.client.connections == 0)
        #expect(executor.peers.allSatisfy { $0.end != nil })
        executor.test.pass(10 * second)
        #expect(connecting.calls == 0)
    }

    @Test func aPausedAttemptIsFeltByItsExecutorAlone() throws {
        let executor = try ExecutorTest()
        let slow = executor.send()
        let quick = executor.send()
        executor.say("HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n", at: 0)
        slow.stream?.setReading(false)
        let block = [UInt8](repeating: 65, count: 100_000)
        var taken = 0
        for _ in 0..<200 {
            taken += executor.peers[0].send(block)
            executor.test.loop.turn(waitMax: 0)
        }
        #expect(taken < 20_000_000 && slow.body.isEmpty)
        executor.say(ok, at: 1)
        #expect(quick.ended == 1)
        slow.stream?.setReading(true)
        slow.stream?.setReadLimit(4096)
        #expect(executor.run { slow.body.count == taken })
    }

    @Test func aReadLimitEndsWithItsRequest() throws {
        let executor = try ExecutorTest()
        let first = executor.send()
        first.stream?.setReadLimit(1024)
        executor.say(ok)
        let second = executor.send()
        var reads = 0
        second.onBody = { reads += 1 }
        executor.say("HTTP/1.1 200 OK\r\ncontent-length: 30000\r\n\r\n" + String(repeating: "x", count: 30_000))
        #expect(second.ended == 1 && reads <= 2)
    }

    @Test func aLargeRequestIsSentAsItIsTaken() throws {
        let executor = try ExecutorTest()
        let body = (0..<8 << 20).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 9) }
        let attempt = Attempt()
        let request = ExecutorRequest(
            method: .post,
            target: [47],
            host: [120],
            fields: FieldBlock(),
            body: BodyBytes(body)
        )
        let stream = executor.client.send(request, handler: attempt)
        executor.test.run { executor.peers.count == 1 }
        for _ in 0..<200 { executor.test.loop.turn(waitMax: 0) }
        #expect(attempt.sent == 0, "the executor has taken nothing yet")
        #expect(executor.test.loop.chunks.bytesInUse < 256 << 10)
        #expect(executor.run { attempt.sent == 1 })
        executor.settle()
        #expect(executor.peers[0].received.suffix(body.count) == body[...])
        executor.say(ok)
        #expect(attempt.ended == 1 && executor.client.connections == 1)
        stream.cancel()
    }

    @Test(arguments: [false, true]) func anAnswerBeforeTheWholeRequestCounts(closes: Bool) throws {
        let executor = try ExecutorTest()
        let attempt = Attempt()
        let request = ExecutorRequest(
            method: .post,
            target: [47],
            host: [120],
            fields: FieldBlock(),
            body: BodyBytes([UInt8](repeating: 65, count: 8 << 20))
        )
        let stream = executor.client.send(request, handler: attempt)
        executor.test.run { executor.peers.count == 1 }
        for _ in 0..<50 { executor.test.loop.turn(waitMax: 0) }
        executor.peers[0].send("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
        if closes { executor.peers[0].close() }
        executor.test.run { attempt.isOver }
        #expect(attempt.heads.map(\.status) == [413] && attempt.text == "big" && attempt.ended == 1)
        #expect(attempt.failures.isEmpty && executor.client.connections == 0)
        stream.cancel()
    }

    @Test func everythingIsFreed() throws {
        weak var client: ExecutorClient?
        weak var stream: (any ExecutorStream)?
        weak var attempt: Attempt?
        let test = TestLoop()
        do {
            let executor = try ExecutorTest()
            client = executor.client
            for index in 0..<4 {
                let made = executor.send()
                attempt = made
                stream = made.stream
                switch index {
                case 0: executor.say(ok)
                case 1:
                    executor.peers.last?.close()
                    executor.settle()
                    executor.peers.last?.close()
                case 2: made.stream?.cancel()
                default: executor.say("garbage\r\n\r\n")
                }
                executor.settle()
            }
            executor.forget()
            executor.client.closeIdle()
            executor.settle()
            #expect(executor.client.connections == 0)
            #expect(executor.test.loop.timers.active == 0 && executor.test.loop.chunks.bytesInUse == 0)
        }
        #expect(client == nil && stream == nil && attempt == nil)
        test.settle()
    }
}
